"""The message catalogue: what a page or a mail says, kept apart from the code that says it.

A folder holds one JSON object per language, `en.json` first, of key to sentence. A sentence names its values in
braces (`"Pay {amount}"`). A sentence that counts has one key per plural category of CLDR (`"seats.one"`,
`"seats.other"`) and is asked for without it. A language may lack a sentence, which then is said in English; English
must have them all.
"""

import json
from pathlib import Path

from babel import Locale

_FALLBACK = "en"


class Words:
    """The sentences of one folder of catalogues, read once."""

    def __init__(self, folder: Path) -> None:
        self._sentences: dict[str, dict[str, str]] = {
            file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))
        }
        self._plural = {language: Locale.parse(language).plural_form for language in self._sentences}

    def languages(self) -> frozenset[str]:
        """The languages that have a catalogue."""
        return frozenset(self._sentences)

    def keys(self) -> frozenset[str]:
        """Every key of the English catalogue."""
        return frozenset(self._sentences[_FALLBACK])

    def knows(self, key: str) -> bool:
        """Whether `say(key)` has a sentence (one that does not count)."""
        return key in self._sentences[_FALLBACK]

    def say(self, key: str, language: str = _FALLBACK, *, count: int | None = None, **values: object) -> str:
        """The sentence of `key` with its values; `count` chooses the plural. An unknown key is a `KeyError`."""
        for candidate in dict.fromkeys((language, _FALLBACK)):
            sentences = self._sentences.get(candidate, {})
            sentence = sentences.get(key)
            if sentence is None and count is not None and candidate in self._plural:
                category = self._plural[candidate](count)
                sentence = sentences.get(f"{key}.{category}", sentences.get(f"{key}.other"))
            if sentence is not None:
                return sentence.format_map({"count": count, **values})
        raise KeyError(key)
