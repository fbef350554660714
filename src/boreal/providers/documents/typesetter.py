"""Typst behind the port of documents, with fonts of our own, so that a document looks the same on every machine.

The library and the fonts are loaded with the first document: most processes never print one.
"""

import asyncio
import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "fonts"


class Typesetter:
    """Prints in a thread, so that nobody waits for a document but who wants it."""

    async def print(self, template: Path, said: Mapping[str, Any]) -> bytes:
        """As the port says."""
        return await asyncio.to_thread(_print, template, json.dumps(said))


def _print(template: Path, said: str, format: str = "pdf") -> bytes:
    compiler = _typst().Compiler(str(template), font_paths=_fonts(), sys_inputs={"data": said})
    printed: bytes = compiler.compile(format=format)
    return printed


@cache
def _typst() -> Any:
    return importlib.import_module("typst")


@cache
def _fonts() -> Any:
    return _typst().Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
