"""What HTTP asks of a download: ranges, conditions, names."""

from datetime import UTC, datetime

import pytest

from boreal.kit.downloads import Span, Unsatisfiable, content_disposition, is_known, is_same, media_type, wanted

MODIFIED = datetime(2026, 1, 15, 12, 0, 0, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-5", Span(2, 6)),
        ("bytes=7-", Span(7, 10)),
        ("bytes=7-99", Span(7, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=5-2", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 30 + "-", None),
        ("bytes=٣-", None),
        ("", None),
    ],
)
def test_ranges(header: str, span: Span | None) -> None:
    assert wanted(header, size=10) == span


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)])
def test_ranges_outside(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        wanted(header, size=size)


def test_conditions() -> None:
    assert is_same(None, etag='"a"', modified_at=MODIFIED)
    assert is_same('"a"', etag='"a"', modified_at=MODIFIED)
    assert not is_same('"b"', etag='"a"', modified_at=MODIFIED)
    assert not is_same('W/"a"', etag='"a"', modified_at=MODIFIED)
    assert is_same("Thu, 15 Jan 2026 12:00:00 GMT", etag='"a"', modified_at=MODIFIED)
    assert not is_same("Thu, 15 Jan 2026 12:00:01 GMT", etag='"a"', modified_at=MODIFIED)
    assert not is_same("yesterday", etag='"a"', modified_at=MODIFIED)
    assert is_known('"b", W/"a"', etag='"a"') and is_known("*", etag='"a"')
    assert not is_known('"b"', etag='"a"') and not is_known(None, etag='"a"')


def test_names_and_types_cannot_add_headers() -> None:
    said = content_disposition('a"\r\nset-cookie: x.pdf')
    assert "\r" not in said and "\n" not in said and said.count('"') == 2
    assert media_type("text/html\r\nx: y") == "application/octet-stream"
    assert media_type("image/svg+xml") == "image/svg+xml"
