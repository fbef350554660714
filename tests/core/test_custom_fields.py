"""Custom fields: which answers are taken, in which form they are stored, and in which words they are refused."""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.custom_fields import (
    LEAST,
    MOST,
    AttachedField,
    CustomField,
    CustomFieldType,
    DataFault,
    merged,
    shown,
    validated,
)

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
OPTIONS = {"options": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}, {"value": "c", "label": "C"}]}


def attached(type: str, /, *, slug: str = "x", required: bool = False, **properties: Any) -> AttachedField:
    field = CustomField(
        id=uuid.uuid4(),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.uuid4(),
        type=CustomFieldType(type),
        slug=slug,
        name="X",
        properties=properties,
        metadata={},
    )
    return AttachedField(field, order=0, required=required)


def check(field: AttachedField, value: Any, *, required: bool = True) -> Any:
    """What is stored of one value, or the type and the words of its refusal."""
    stored, faults = validated([field], {"x": value}, required=required)
    if not faults:
        return stored[str(field.custom_field.id)]
    assert stored == {}
    assert faults == (DataFault("x", faults[0].type, faults[0].msg, value),)
    assert faults[0].loc == ("body", "custom_field_data", "x")
    return faults[0].type, faults[0].msg


NO_INTEGER = "Input should be a valid integer"
NO_DATE = "Input should be a valid datetime or date"
EXTRA = f"{NO_DATE}, unexpected extra characters at the end of the input"
DAY = 86_400


@pytest.mark.parametrize(
    ("value", "properties", "expected"),
    [
        ("", {}, ""),
        ("  ", {"min_length": 2}, "  "),
        ("ab", {"min_length": 2, "max_length": 2}, "ab"),
        ("a", {"min_length": 2}, ("string_too_short", "String should have at least 2 characters")),
        ("", {"min_length": 1}, ("string_too_short", "String should have at least 1 character")),
        ("abc", {"max_length": 2}, ("string_too_long", "String should have at most 2 characters")),
        ("a", {"max_length": 0}, ("string_too_long", "String should have at most 0 characters")),
        ("äöü", {"max_length": 3}, "äöü"),
        (1, {}, ("string_type", "Input should be a valid string")),
        (True, {}, ("string_type", "Input should be a valid string")),
        (None, {}, ("string_type", "Input should be a valid string")),
    ],
)
def test_text(value: Any, properties: dict[str, Any], expected: Any) -> None:
    assert check(attached("text", required=True, **properties), value) == expected


@pytest.mark.parametrize(
    ("value", "properties", "expected"),
    [
        (12, {}, 12),
        (0, {"ge": 0, "le": 0}, 0),
        ("12", {}, 12),
        (" +12 ", {}, 12),
        ("-0", {}, 0),
        ("007", {}, 7),
        ("1_000", {}, 1000),
        ("12.0", {}, 12),
        (12.0, {}, 12),
        (MOST, {}, MOST),
        (LEAST, {}, LEAST),
        (12.5, {}, ("int_from_float", f"{NO_INTEGER}, got a number with a fractional part")),
        ("12.5", {}, ("int_parsing", f"{NO_INTEGER}, unable to parse string as an integer")),
        ("", {}, ("int_parsing", f"{NO_INTEGER}, unable to parse string as an integer")),
        ("1__0", {}, ("int_parsing", f"{NO_INTEGER}, unable to parse string as an integer")),
        ("1e3", {}, ("int_parsing", f"{NO_INTEGER}, unable to parse string as an integer")),
        ("٣", {}, ("int_parsing", f"{NO_INTEGER}, unable to parse string as an integer")),
        ("9" * 5000, {}, ("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size")),
        (True, {}, ("int_type", NO_INTEGER)),
        (None, {}, ("int_type", NO_INTEGER)),
        (float("nan"), {}, ("int_from_float", f"{NO_INTEGER}, got a number with a fractional part")),
        (MOST + 1, {}, ("less_than_equal", f"Input should be less than or equal to {MOST}")),
        (LEAST - 1, {}, ("greater_than_equal", f"Input should be greater than or equal to {LEAST}")),
        ("0", {"ge": 1}, ("greater_than_equal", "Input should be greater than or equal to 1")),
        (6, {"le": 5}, ("less_than_equal", "Input should be less than or equal to 5")),
        (1, {"le": 0}, ("less_than_equal", "Input should be less than or equal to 0")),
    ],
)
def test_number(value: Any, properties: dict[str, Any], expected: Any) -> None:
    found = check(attached("number", required=True, **properties), value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "properties", "expected"),
    [
        ("2026-02-01", {}, "2026-02-01T00:00:00"),
        ("2026-02-01T10:30", {}, "2026-02-01T10:30:00"),
        ("2026-02-01 10:30:05.25", {}, "2026-02-01T10:30:05.250000"),
        ("2026-02-01T10:30:00Z", {}, "2026-02-01T10:30:00Z"),
        ("2026-02-01t10:30:00z", {}, "2026-02-01T10:30:00Z"),
        ("2026-02-01T10:30:00+0200", {}, "2026-02-01T10:30:00+02:00"),
        (datetime(2026, 2, 1, 10, tzinfo=UTC), {}, "2026-02-01T10:00:00Z"),
        ("2024-02-29", {}, "2024-02-29T00:00:00"),
        ("1970-01-02", {"ge": DAY, "le": DAY}, "1970-01-02T00:00:00"),
        ("1970-01-02T23:59:59", {"le": DAY}, "1970-01-02T23:59:59"),  # bounds are days
        ("1970-01-02", {"ge": 2 * DAY - 1}, "1970-01-02T00:00:00"),
        ("1969-12-31", {"ge": 0}, "1969-12-31T00:00:00"),  # 0 is no bound
        ("2026-02-01", {"le": 0}, "2026-02-01T00:00:00"),
        ("1970-01-02", {"ge": 2 * DAY}, ("greater_than_equal", "Input should be greater than or equal to 1970-01-03")),
        ("1970-01-02", {"le": -1}, ("less_than_equal", "Input should be less than or equal to 1969-12-31")),
        ("", {}, ("datetime_from_date_parsing", f"{NO_DATE}, input is too short")),
        ("2026-2-1", {}, ("datetime_from_date_parsing", f"{NO_DATE}, input is too short")),
        ("abcdefghij", {}, ("datetime_from_date_parsing", f"{NO_DATE}, invalid character in year")),
        ("2026/02/01", {}, ("datetime_from_date_parsing", f"{NO_DATE}, invalid date separator, expected `-`")),
        ("2026-0x-01", {}, ("datetime_from_date_parsing", f"{NO_DATE}, invalid character in month")),
        ("2026-01-x1", {}, ("datetime_from_date_parsing", f"{NO_DATE}, invalid character in day")),
        (
            "2026-13-01",
            {},
            ("datetime_from_date_parsing", f"{NO_DATE}, month value is outside expected range of 1-12"),
        ),
        ("2026-02-30", {}, ("datetime_from_date_parsing", f"{NO_DATE}, day value is outside expected range")),
        ("2026-02-01x", {}, ("datetime_from_date_parsing", EXTRA)),
        ("2026-02-01T10", {}, ("datetime_from_date_parsing", EXTRA)),
        ("2026-02-01T25:00", {}, ("datetime_from_date_parsing", EXTRA)),
        ("2026-02-01T10:00:00+25:00", {}, ("datetime_from_date_parsing", EXTRA)),
        (1_700_000_000, {}, ("datetime_type", "Input should be a valid datetime")),
        (True, {}, ("datetime_type", "Input should be a valid datetime")),
        (None, {}, ("datetime_type", "Input should be a valid datetime")),
    ],
)
def test_date(value: Any, properties: dict[str, Any], expected: Any) -> None:
    assert check(attached("date", required=True, **properties), value) == expected


MUST = ("literal_error", "Input should be True")
NO_BOOLEAN = "Input should be a valid boolean"
UNCLEAR = ("bool_parsing", f"{NO_BOOLEAN}, unable to interpret input")


@pytest.mark.parametrize(
    ("value", "required", "optional"),
    [
        (True, True, True),
        (False, MUST, False),
        (None, MUST, ("bool_type", NO_BOOLEAN)),
        ("true", MUST, True),
        ("OFF", MUST, False),
        (1, MUST, True),
        (0, MUST, False),
        (2, MUST, UNCLEAR),
        ("perhaps", MUST, UNCLEAR),
        ("", MUST, UNCLEAR),
        (NOW, MUST, ("bool_type", NO_BOOLEAN)),
    ],
)
def test_checkbox(value: Any, required: Any, optional: Any) -> None:
    assert check(attached("checkbox", required=True), value) == required
    assert check(attached("checkbox"), value) == optional
    assert check(attached("checkbox", required=True), value, required=False) == optional


@pytest.mark.parametrize(
    ("value", "properties", "expected"),
    [
        ("b", OPTIONS, "b"),
        ("B", OPTIONS, ("literal_error", "Input should be 'a', 'b' or 'c'")),
        (None, OPTIONS, ("literal_error", "Input should be 'a', 'b' or 'c'")),
        (1, {"options": [{"value": "1", "label": "One"}]}, ("literal_error", "Input should be '1'")),
        ("c", {"options": OPTIONS["options"][:2]}, ("literal_error", "Input should be 'a' or 'b'")),
        ("c", {"options": OPTIONS["options"][:1] * 2}, ("literal_error", "Input should be 'a'")),
    ],
)
def test_select(value: Any, properties: dict[str, Any], expected: Any) -> None:
    assert check(attached("select", required=True, **properties), value) == expected


EMPTY = {"text": None, "number": None, "date": None, "checkbox": False, "select": None}


@pytest.mark.parametrize("kind", list(CustomFieldType))
def test_what_was_not_sent_is_filled_in_unless_it_is_required(kind: CustomFieldType) -> None:
    optional, required = attached(kind, **OPTIONS), attached(kind, required=True, **OPTIONS)
    nothing = EMPTY[kind]
    assert validated([optional], {}, required=True) == ({str(optional.custom_field.id): nothing}, ())
    assert validated([required], {}, required=False) == ({str(required.custom_field.id): nothing}, ())
    assert validated([required], {"y": 1}, required=True) == (
        {},
        (DataFault("x", "missing", "Field required", {"y": 1}),),
    )
    if kind is not CustomFieldType.CHECKBOX:
        assert check(optional, None) is None
        assert check(required, None, required=False) is None


def test_slugs_of_no_field_are_dropped_and_every_fault_is_found() -> None:
    fields = [attached("text", slug="a"), attached("number", slug="b"), attached("checkbox", slug="c", required=True)]
    ids = [str(field.custom_field.id) for field in fields]
    assert validated(fields, {"a": "x", "z": 1}, required=False)[0] == {ids[0]: "x", ids[1]: None, ids[2]: False}
    stored, faults = validated(fields, {"a": "x", "b": "y"}, required=True)
    assert stored == {ids[0]: "x"}
    assert [(fault.slug, fault.type) for fault in faults] == [("b", "int_parsing"), ("c", "missing")]
    assert validated([], {"a": 1}, required=True) == ({}, ())


def test_what_is_sent_goes_before_what_is_stored_and_a_null_that_was_filled_in_is_no_answer() -> None:
    fields = [attached("number", slug=slug) for slug in "abcd"]
    a, b, c, d = (str(field.custom_field.id) for field in fields)
    stored = {a: 0, b: 1, c: None, d: False, "another": 5}
    assert merged(fields, stored, {"b": None}) == {"a": 0, "b": None}


def test_later_slugs_win() -> None:
    assert shown({"1": "old", "2": "x", "3": "x"}, {"1": 1, "2": 2, "3": 3, "4": 4}) == {"old": 1, "x": 3}
    assert shown({"2": "x", "3": "x"}, {"2": 2}) == {"x": 2}


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.datetimes(), st.dates().map(date.isoformat), st.just("a")
)
FIELDS = st.lists(
    st.builds(
        attached,
        st.sampled_from(CustomFieldType),
        slug=st.sampled_from("abcdef"),
        required=st.booleans(),
        options=st.just(OPTIONS["options"]),
        min_length=st.integers(0, 2),
    ),
    unique_by=lambda field: field.custom_field.slug,
)


@given(FIELDS, st.dictionaries(st.sampled_from("abcdefg"), VALUES), st.booleans())
def test_every_field_has_a_value_or_a_fault_and_what_is_stored_passes_again(
    fields: list[AttachedField], data: Mapping[str, Any], required: bool
) -> None:
    stored, faults = validated(fields, data, required=required)
    slugs = {str(field.custom_field.id): field.custom_field.slug for field in fields}
    by_slug = shown(slugs, stored)
    assert sorted([*by_slug, *(fault.slug for fault in faults)]) == sorted(slugs.values())
    if not faults:
        assert validated(fields, by_slug, required=False) == (stored, ())


@given(FIELDS, st.dictionaries(st.sampled_from("abcdefg"), VALUES))
def test_what_a_confirmation_takes_an_update_takes_too(fields: list[AttachedField], data: Mapping[str, Any]) -> None:
    stored, faults = validated(fields, data, required=True)
    if not faults:
        assert validated(fields, data, required=False) == (stored, ())


@given(FIELDS, st.dictionaries(st.sampled_from("abcdef"), VALUES))
def test_a_renamed_field_keeps_its_value(fields: list[AttachedField], data: Mapping[str, Any]) -> None:
    stored, _ = validated(fields, data, required=False)
    slugs = {str(field.custom_field.id): field.custom_field.slug for field in fields}
    renamed = {id: f"new-{slug}" for id, slug in slugs.items()}
    assert shown(renamed, stored) == {f"new-{slug}": value for slug, value in shown(slugs, stored).items()}
