"""Every sentence that a page asks for exists, and every sentence is asked for."""

import re
from pathlib import Path

from boreal.surfaces.pages import rendering

PAGES = Path(rendering.__file__).parent
LITERAL = re.compile(r"""(?:\bt|\bsay)\(\s*f?"([a-zA-Z_.{}\[\]']+)["]""")
PLURALS = (".one", ".other")


def asked() -> set[str]:
    """Keys named in templates and modules; a part that is computed stands as a star."""
    texts = [path.read_text() for kind in ("**/*.html", "*.py") for path in PAGES.glob(kind)]
    keys = {match for text in texts for match in LITERAL.findall(text)}
    keys |= {key for text in texts for key in re.findall(r'"((?:missing|wrong)\.[a-z_]+)"', text)}
    return {re.sub(r"\{[^}]*\}", "*", key) for key in keys}


def every_key() -> frozenset[str]:
    return rendering.WORDS.keys()


def known() -> set[str]:
    return {re.sub(r"\.(one|other)$", "", key) for key in every_key()}


def test_every_key_that_is_asked_for_exists():
    assert len(asked()) > 80
    missing = [
        key
        for key in asked()
        if not any(
            re.match(re.escape(key).replace(r"\*", ".+") + ("" if key.endswith(".") else "$"), k) for k in known()
        )
    ]
    assert missing == []


def test_every_sentence_is_used():
    text = "\n".join(path.read_text() for kind in ("**/*.html", "*.py") for path in PAGES.glob(kind))
    computed = ("period.", "each.", "trial.free.", "button.trial.", "missing.", "wrong.", "problem.", "notice.")
    computed += ("confirmation.", "order.status.", "field.state.", "field.postal_code.")
    unused = [
        key for key in known() if not re.search(f"[\"']{re.escape(key)}[\"']", text) and not key.startswith(computed)
    ]
    assert unused == []


def test_plurals_are_complete():
    keys = every_key()
    assert [key for key in keys if key.endswith(".one") and key.removesuffix(".one") + ".other" not in keys] == []


def test_scripts_can_stand_within_a_page():
    for script in (PAGES / "static").glob("*.js"):
        if script.name == "embed.js":  # stands on the pages of merchants, which have policies of their own
            continue
        text = script.read_text()
        assert "</script" not in text
        assert "innerHTML = " not in text or script.name in ("checkout.js", "card.js")
        assert not re.search(r"\beval\(|new Function|\.style\b", text)
