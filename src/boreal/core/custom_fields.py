"""Custom fields: what a merchant asks buyers beyond name and address (catalog spec 3).

A field is of one of five types, for ever, and is attached to products, to some of them as required. Buyers send their
values by the slug of the field; they are stored by its id, so that a slug may be renamed and no stored value moves. A
checked value is there for every attached field: null, or `False` for a box, where nothing was sent.

>>> seat = CustomField(
...     id=UUID(int=7), created_at=datetime(2026, 1, 1), modified_at=None, organization_id=UUID(int=1), metadata={},
...     type=CustomFieldType.NUMBER, slug="row", name="Row", properties={"ge": 1},
... )
>>> stored, faults = validated([AttachedField(seat, order=0, required=True)], {"row": "12"}, required=True)
>>> stored, faults
({'00000000-0000-0000-0000-000000000007': 12}, ())
>>> shown({str(seat.id): "row_number"}, stored)
{'row_number': 12}
>>> validated([AttachedField(seat, order=0, required=True)], {"row": 0}, required=True)[1][0].msg
'Input should be greater than or equal to 1'
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

Data = dict[str, Any]


class CustomFieldType(StrEnum):
    """What a field asks for (contract `CustomFieldType`)."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHECKBOX = "checkbox"
    SELECT = "select"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """A field. `properties` are those of the wire: bounds, options, words of the form; what is unset is absent."""

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    type: CustomFieldType
    slug: str
    name: str
    properties: Mapping[str, Any]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AttachedField:
    """A field on a product; `order` counts from 0."""

    custom_field: CustomField
    order: int
    required: bool


@dataclass(frozen=True, slots=True)
class DataFault:
    """What is wrong with the value of one field, in the types and words of pydantic."""

    slug: str
    type: str
    msg: str
    input: Any

    @property
    def loc(self) -> tuple[str, ...]:
        """Where it stands in the body of a request."""
        return ("body", "custom_field_data", self.slug)


def validated(
    fields: Iterable[AttachedField], data: Mapping[str, Any], *, required: bool
) -> tuple[Data, tuple[DataFault, ...]]:
    """Values to store by field id, one for every field without fault, and one fault for every other (catalog spec 3.3).

    `data` is by slug; slugs of no field are dropped. With `required=False` (a checkout before its confirmation) every
    field counts as optional.
    """
    stored: Data = {}
    faults: list[DataFault] = []
    for attached in fields:
        field = attached.custom_field
        try:
            stored[str(field.id)] = _value(field, data, required=required and attached.required)
        except _Refused as refused:
            sent = data.get(field.slug, dict(data))
            faults.append(DataFault(field.slug, refused.type, refused.msg, sent))
    return stored, tuple(faults)


def merged(fields: Iterable[AttachedField], stored: Mapping[str, Any], data: Mapping[str, Any]) -> Data:
    """Values by slug: those of `data`, and for fields that it does not name what is stored, unless that says nothing.

    Nulls and unticked boxes say nothing: they were filled in where nothing was sent, so the field is still missing.
    """
    answered: Data = {}
    for field in (attached.custom_field for attached in fields):
        value = stored.get(str(field.id))
        if value is not None and value is not False:
            answered[field.slug] = value
    return answered | dict(data)


def shown(slugs: Mapping[str, str], stored: Mapping[str, Any]) -> Data:
    """Stored values by slug, in the order of `slugs`, which maps field ids to slugs and need not hold all of them.

    Where two fields have had the same slug, the later one in `slugs` wins.
    """
    return {slug: stored[id] for id, slug in slugs.items() if id in stored}


class _Refused(Exception):
    def __init__(self, type: str, msg: str) -> None:
        super().__init__(msg)
        self.type = type
        self.msg = msg


def _value(field: CustomField, data: Mapping[str, Any], *, required: bool) -> Any:
    is_box = field.type is CustomFieldType.CHECKBOX
    if field.slug not in data:
        if required:
            raise _Refused("missing", "Field required")
        return False if is_box else None
    value = data[field.slug]
    if is_box:
        return _ticked(value) if required else _boolean(value)
    if value is None and not required:
        return None
    return _CHECKS[field.type](value, field.properties)


def _text(value: Any, properties: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise _Refused("string_type", "Input should be a valid string")
    shortest, longest = properties.get("min_length"), properties.get("max_length")
    if shortest is not None and len(value) < shortest:
        raise _Refused("string_too_short", f"String should have at least {_characters(shortest)}")
    if longest is not None and len(value) > longest:
        raise _Refused("string_too_long", f"String should have at most {_characters(longest)}")
    return value


def _characters(count: int) -> str:
    return f"{count} character{'' if count == 1 else 's'}"


LEAST, MOST = -(2**31), 2**31 - 1
"""Between which a number lies whose field sets no bounds."""

_INTEGER = re.compile(r"\s*[+-]?[0-9]+(_[0-9]+)*(\.0+)?\s*")
_LONGEST_INTEGER = 4300  # characters; Python refuses to convert more digits, and so does pydantic


def _number(value: Any, properties: Mapping[str, Any]) -> int:
    number = _integer(value)
    _check_bounds(number, properties.get("ge", LEAST), properties.get("le", MOST))
    return number


def _integer(value: Any) -> int:
    """Whole numbers also as text or with a zero fraction; a boolean is none (correction 21)."""
    if isinstance(value, str):
        if len(value) > _LONGEST_INTEGER:
            words = "Unable to parse input string as an integer, exceeded maximum size"
            raise _Refused("int_parsing_size", words)
        if not _INTEGER.fullmatch(value):
            words = "Input should be a valid integer, unable to parse string as an integer"
            raise _Refused("int_parsing", words)
        return int(value.partition(".")[0])
    if isinstance(value, float):
        if not value.is_integer():
            words = "Input should be a valid integer, got a number with a fractional part"
            raise _Refused("int_from_float", words)
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Refused("int_type", "Input should be a valid integer")
    return value


def _check_bounds(value: Any, least: Any, most: Any) -> None:
    """Refuses what is beyond a bound; None is no bound."""
    if least is not None and value < least:
        raise _Refused("greater_than_equal", f"Input should be greater than or equal to {least}")
    if most is not None and value > most:
        raise _Refused("less_than_equal", f"Input should be less than or equal to {most}")


def _date(value: Any, properties: Mapping[str, Any]) -> str:
    """ISO 8601: as midnight if no time was sent, without an offset if none was."""
    moment = _moment(value)
    _check_bounds(moment.date(), _day(properties.get("ge")), _day(properties.get("le")))
    return moment.isoformat().replace("+00:00", "Z")


def _day(seconds: int | None) -> date | None:
    """The day of a bound in UTC; 0 counts as no bound (catalog spec 3.3)."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date() if seconds else None


_TIME = re.compile(r"[Tt _][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?")


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise _Refused("datetime_type", "Input should be a valid datetime")
    day, time = _readable_day(value), value[10:]
    if not time:
        return datetime.fromisoformat(day)
    try:
        if _TIME.fullmatch(time):
            return datetime.fromisoformat(f"{day}T{time[1:].upper()}")
    except ValueError:
        pass  # an hour or an offset that does not exist
    raise _unreadable("unexpected extra characters at the end of the input")


def _readable_day(text: str) -> str:
    """The first ten characters, if they are a day that exists."""
    if len(text) < len("2026-02-01"):
        raise _unreadable("input is too short")
    for name, start, end in (("year", 0, 4), ("month", 5, 7), ("day", 8, 10)):
        if start and text[start - 1] != "-":
            raise _unreadable("invalid date separator, expected `-`")
        if not re.fullmatch("[0-9]+", text[start:end]):
            raise _unreadable(f"invalid character in {name}")
    if not 1 <= int(text[5:7]) <= 12:
        raise _unreadable("month value is outside expected range of 1-12")
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise _unreadable("day value is outside expected range") from None
    return text[:10]


def _unreadable(reason: str) -> _Refused:
    return _Refused("datetime_from_date_parsing", f"Input should be a valid datetime or date, {reason}")


def _select(value: Any, properties: Mapping[str, Any]) -> str:
    options = list(dict.fromkeys(option["value"] for option in properties["options"]))
    if value not in options:
        *others, last = (repr(option) for option in options)
        raise _Refused("literal_error", f"Input should be {', '.join(others)}{' or ' if others else ''}{last}")
    chosen: str = value
    return chosen


_CHECKS: Mapping[CustomFieldType, Callable[[Any, Mapping[str, Any]], Any]] = {
    CustomFieldType.TEXT: _text,
    CustomFieldType.NUMBER: _number,
    CustomFieldType.DATE: _date,
    CustomFieldType.SELECT: _select,
}

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})


def _ticked(value: Any) -> bool:
    if value is not True:
        raise _Refused("literal_error", "Input should be True")
    return True


def _boolean(value: Any) -> bool:
    """Also in the words that a link may carry; null is none of them."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str | int):
        raise _Refused("bool_type", "Input should be a valid boolean")
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise _Refused("bool_parsing", "Input should be a valid boolean, unable to interpret input")
    return word in _TRUE
