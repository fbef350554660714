"""Downloads as HTTP speaks of them: one range of bytes, whether it is the same object, and the name to save under.

Ranges and conditions: RFC 9110, sections 13 and 14. Names: RFC 6266.

>>> wanted("bytes=0-99", size=1000)
Span(start=0, end=100)
>>> wanted("bytes=-100", size=1000)
Span(start=900, end=1000)
>>> wanted(None, size=1000) is None
True
>>> print(content_disposition("Zürich.pdf"))
attachment; filename="Z_rich.pdf"; filename*=UTF-8''Z%C3%BCrich.pdf
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, and without, `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The range lies outside of the object: 416."""


_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


def wanted(header: str | None, *, size: int) -> Span | None:
    """The span of a `Range` header; None where the whole object is the answer.

    That is so without a header, and for what we do not serve: other units, several ranges, anything malformed. Raises
    `Unsatisfiable`.
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return Span(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return Span(int(first), min(int(last) + 1, size) if last else size)


def is_same(if_range: str | None, *, etag: str, modified_at: datetime) -> bool:
    """Whether a range may be answered as such: an `If-Range` header names exactly what is stored, or is not there."""
    if if_range is None:
        return True
    if if_range.startswith('"'):
        return if_range == etag
    try:
        return parsedate_to_datetime(if_range) == modified_at.replace(microsecond=0)
    except (TypeError, ValueError):
        return False


def is_known(if_none_match: str | None, *, etag: str) -> bool:
    """Whether an `If-None-Match` header names what is stored, so that 304 is enough."""
    if if_none_match is None:
        return False
    named = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return etag in named or "*" in named


_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}", re.ASCII)


def media_type(given: str) -> str:
    """The type of a file for a header; what is no type of one is just bytes."""
    return given if _MEDIA_TYPE.fullmatch(given) else "application/octet-stream"


def content_disposition(name: str) -> str:
    """What makes a browser save a download under this name, with a plainer one for old ones."""
    plain = re.sub(r"[^\w .()-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
