"""The types that wire shapes share: what they accept, what they make of it, and where their errors point."""

import json
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any
from uuid import NAMESPACE_DNS, uuid4, uuid5

import pytest
from pydantic import UUID4, Field, TypeAdapter, ValidationError

from boreal.kit.schemas import (
    CustomFieldData,
    Email,
    EmptyToNone,
    HttpUrlString,
    IPAddress,
    ListResource,
    MetadataInput,
    MetadataOutputType,
    Name,
    NumberOnly,
    PositiveDuration,
    Schema,
    distinct,
)


class Parcel(Schema):
    name: str = ""
    metadata: MetadataInput = Field(default_factory=dict)
    inner: "Parcel | None" = None


def errors(shape: Any, value: Any) -> list[tuple[str, tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(shape).validate_python(value)
    return [(error["type"], error["loc"], error["msg"]) for error in caught.value.errors()]


def accept(shape: Any, value: Any) -> Any:
    return TypeAdapter(shape).validate_python(value)


NOT_STORABLE = "Value error, NUL characters and lone surrogates are not allowed"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"name": "a\0b"}, ("name",)),
        ({"name": "\ud800"}, ("name",)),
        ({"metadata": {"key": "\0"}}, ("metadata", "key")),
        ({"metadata": {"k\0": 1}}, ("metadata", "k\0")),
        ({"inner": {"metadata": {"key": "\0"}}}, ("inner", "metadata", "key")),
        ({"unknown": [{"deep": ["fine", "\0"]}]}, ("unknown", 0, "deep", 1)),
    ],
)
def test_text_that_cannot_be_stored_is_refused_at_its_place(body, place):
    assert errors(Parcel, body) == [("value_error", place, NOT_STORABLE)]


def test_a_lone_surrogate_does_not_reach_the_reply():
    with pytest.raises(ValidationError) as caught:
        Parcel.model_validate({"metadata": {"\ud800": "\ud800"}})
    json.dumps(caught.value.errors(include_context=False), ensure_ascii=False).encode()


def test_every_unstorable_string_has_its_error_and_the_rest_of_unicode_passes():
    assert [place for _, place, _ in errors(Parcel, {"name": "\0", "metadata": {"a": "\0"}})] == [
        ("name",),
        ("metadata", "a"),
    ]
    assert accept(Parcel, {"name": "Łódź 🎉\n"}).name == "Łódź 🎉\n"


def test_a_deep_body_does_not_exhaust_the_stack():
    deep: Any = "end"
    for _ in range(3_000):
        deep = [deep]
    assert accept(Parcel, {"unknown": deep}).name == ""


def test_unknown_members_are_ignored_and_attributes_are_read():
    class Row:
        name = "box"
        metadata = MappingProxyType({})
        inner = None

    assert accept(Parcel, {"name": "box", "colour": "red"}) == accept(Parcel, {"name": "box"})
    assert Parcel.model_validate(Row()).name == "box"


def test_ids_are_of_version_4():
    assert accept(UUID4, str(identifier := uuid4())) == identifier
    assert errors(UUID4, str(uuid5(NAMESPACE_DNS, "example.com")))[0][0] == "uuid_version"
    assert TypeAdapter(UUID4).json_schema() == {"type": "string", "format": "uuid4"}


@pytest.mark.parametrize("value", ["12", True, b"12"])
def test_numbers_are_never_read_from_text_or_booleans(value):
    assert errors(Annotated[int, Field(ge=1), NumberOnly], value)[0][0] == "int_type"


def test_numbers_keep_their_bounds_and_may_be_whole_floats():
    shape = Annotated[int, Field(ge=1, le=999), NumberOnly]
    assert accept(shape, 12.0) == 12
    assert errors(shape, 12.5)[0][0] == "int_from_float"
    assert errors(shape, 0)[0][0] == "greater_than_equal"
    assert TypeAdapter(shape).json_schema() == {"type": "integer", "minimum": 1, "maximum": 999}


@pytest.mark.parametrize(("value", "kept"), [("  a b ", "a b"), ("", None), (" \t", None), (None, None)])
def test_optional_text_is_trimmed_and_blank_is_null(value, kept):
    assert accept(EmptyToNone, value) == kept
    assert accept(Name, value) == kept


def test_names_have_at_most_256_characters_after_trimming():
    assert accept(Name, " " + "x" * 256) == "x" * 256
    assert errors(Name, "x" * 257)[0][0] == "string_too_long"


@pytest.mark.parametrize("value", [{f"k{n}": n for n in range(50)}, {"k" * 40: "v" * 500}, {}])
def test_metadata_takes_as_much_as_the_contract_says(value):
    assert accept(MetadataInput, value) == value


def test_metadata_keeps_the_type_of_each_value():
    kept = accept(MetadataInput, {"text": "1", "whole": 1, "real": 1.5, "yes": True})
    assert [(key, type(value)) for key, value in kept.items()] == [
        ("text", str),
        ("whole", int),
        ("real", float),
        ("yes", bool),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        ({f"k{n}": n for n in range(51)}, "too_long", ()),
        ({"k" * 41: 1}, "string_too_long", ("k" * 41, "[key]")),
        ({"": 1}, "string_too_short", ("", "[key]")),
        ({"k": ""}, "string_too_short", ("k", "constrained-str")),
        ({"k": "v" * 501}, "string_too_long", ("k", "constrained-str")),
        ({"k": None}, "string_type", ("k", "constrained-str")),
        ({"k": {}}, "string_type", ("k", "constrained-str")),
        ({"k": float("nan")}, "string_type", ("k", "constrained-str")),
        ({"k": 2**63}, "value_error", ("k",)),
    ],
)
def test_metadata_refuses_what_the_contract_refuses(value, kind, place):
    assert (kind, place) in [(found, where) for found, where, _ in errors(MetadataInput, value)]


def test_email_errors_give_the_reason():
    assert accept(Email, " Jane@EXAMPLE.com ") == "Jane@example.com"
    with pytest.raises(ValidationError) as caught:
        accept(Email, "jane")
    error = caught.value.errors()[0]
    reason = "An email address must have an @-sign."
    assert (error["type"], error["msg"], error["ctx"]) == (
        "value_error",
        f"value is not a valid email address: {reason}",
        {"reason": reason},
    )
    assert errors(Email, "Jane <jane@example.com>")[0][0] == "value_error"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTP://Example.com/a", "http://example.com/a"),
        ("https://example.com/ok?id={CHECKOUT_ID}", "https://example.com/ok?id={CHECKOUT_ID}"),
        ("https://example.com/{CHECKOUT_ID}", "https://example.com/%7BCHECKOUT_ID%7D"),
    ],
)
def test_urls_are_text_in_normal_form(url, kept):
    assert accept(HttpUrlString, url) == kept


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("ftp://example.com", "url_scheme"),
        ("javascript:alert(1)", "url_scheme"),
        ("example.com", "url_parsing"),
        ("", "string_too_short"),
        ("https://example.com/" + "a" * 2083, "string_too_long"),
    ],
)
def test_what_is_no_http_url_is_refused(url, kind):
    assert errors(HttpUrlString, url)[0][:2] == (kind, ())


def test_ip_addresses_are_text():
    assert accept(IPAddress, "2001:DB8::1") == "2001:db8::1"
    assert errors(IPAddress, "1.2.3")[0][0] == "ip_any_address"


@pytest.mark.parametrize(("value", "kept"), [("P30D", timedelta(days=30)), (3600, timedelta(hours=1))])
def test_durations_are_iso_8601_or_seconds(value, kept):
    assert accept(PositiveDuration, value) == kept


@pytest.mark.parametrize("value", [0, -1, "-P1D", "P0D", "P400000D"])
def test_durations_are_positive_and_can_be_added_to_a_date(value):
    assert errors(PositiveDuration, value)[0][0] == "value_error"


def test_a_repeated_item_is_refused_at_its_index():
    shape = Annotated[list[str], distinct("Twice.", key=str.lower)]
    assert accept(shape, ["a", "b"]) == ["a", "b"]
    assert errors(shape, ["a", "b", "A", "a"]) == [
        ("value_error", (2,), "Value error, Twice."),
        ("value_error", (3,), "Value error, Twice."),
    ]


def test_custom_field_data_keeps_types_and_takes_no_timestamp_for_a_number():
    data = {"text": "2026-02-01", "whole": 5, "yes": True, "none": None}
    assert accept(CustomFieldData, data) == data
    assert accept(CustomFieldData, {"yes": True})["yes"] is True
    assert {place[0] for _, place, _ in errors(CustomFieldData, {"real": 5.5})} == {"real"}


def test_component_names_are_those_of_the_contract():
    assert ListResource[Parcel].__name__ == "ListResource[Parcel]"  # FastAPI turns the brackets into underscores
    assert TypeAdapter(list[MetadataOutputType]).json_schema()["items"] == {"$ref": "#/$defs/MetadataOutputType"}
