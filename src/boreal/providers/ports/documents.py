"""Documents: what we ask of a typesetter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class DocumentPrinter(Protocol):
    """Makes PDF out of a template and what is to be said in it."""

    async def print(self, template: Path, said: Mapping[str, Any]) -> bytes:
        """The document as PDF: the same on every machine, for scripts of Europe and East Asia.

        `said` is of JSON values; text in it is never taken for markup.
        """
        ...
