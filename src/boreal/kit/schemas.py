"""What wire shapes are made of: the base of every model, and the types that more than one resource uses.

A shape of a request is validated and strict: a number is never read from a string or a boolean, and no string
holds what the database cannot store. A shape of a reply is documentation and a test oracle: at run time rows
are rendered to dictionaries and not validated again, so replies have no defaults and each field is always there.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    UUID4,
    AfterValidator,
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyAddress,
    StrictBool,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError
from typing_extensions import TypeAliasType

MAX_VALUES = 10_000
"""How many values, nested ones included, a body may hold; operations that take more at once read it themselves."""

T = TypeVar("T")
Place = tuple[str | int, ...]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("Dates must lie between the years 1 and 9999") from error


Instant = Annotated[datetime, AfterValidator(_in_utc)]
"""A time in a request; one without an offset is in UTC."""


class Schema(BaseModel):
    """A wire shape. Unknown members are ignored; text that cannot be stored is refused at its place."""

    model_config = ConfigDict(from_attributes=True)

    @model_validator(mode="before")
    @classmethod
    def is_storable(cls, value: Any) -> Any:
        """Refuses NUL characters and lone surrogates, one error for each string with one (correction 19).

        Refuses more than `MAX_VALUES` values too: to find what is wrong with each of a million takes minutes.
        """
        _refuse(_unstorable(value), "NUL characters and lone surrogates are not allowed", title=cls.__name__)
        return value


class Identified(Schema):
    """Something with an id."""

    id: UUID4


class Timestamped(Schema):
    """Something that knows when it was made and last changed (never: null)."""

    created_at: datetime
    modified_at: datetime | None


class Pagination(Schema):
    """How much there is in all: items, and pages of the asked size."""

    total_count: int
    max_page: int


class ListResource(Schema, Generic[T]):
    """One page of a list."""

    items: list[T]
    pagination: Pagination


def _unstorable(body: Any) -> Iterator[tuple[Place, str]]:
    """Place and text of each string or key that PostgreSQL refuses; no recursion, a body may be deep."""
    pending: deque[tuple[Place, Any]] = deque([((), body)])
    left = MAX_VALUES
    while pending:
        place, value = pending.popleft()
        left -= len(value) if isinstance(value, dict | list) else 0
        if left < 0:
            raise ValueError(f"More than {MAX_VALUES} values in one body are not allowed")
        if isinstance(value, str):
            if "\0" in value or _sendable(value) is not value:
                yield place, _sendable(value)
        elif isinstance(value, dict):
            for key, member in value.items():
                inner = (*place, _sendable(str(key)))
                pending.extend(((inner, key), (inner, member)))
        elif isinstance(value, list):
            pending.extend(((*place, index), member) for index, member in enumerate(value))


def _sendable(text: str) -> str:
    """The same object, unless it holds a lone surrogate: then a copy that can be sent in a reply."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _refuse(found: Iterator[tuple[Place, Any]], message: str, *, title: str) -> None:
    """Raises one `value_error` per place found; in a validator, places are relative to its own."""
    errors = [
        InitErrorDetails(type="value_error", loc=place, input=value, ctx={"error": ValueError(message)})
        for place, value in found
    ]
    if errors:
        raise ValidationError.from_exception_data(title, errors)


def distinct(message: str, *, key: Callable[[Any], Hashable] = lambda item: item) -> AfterValidator:
    """Refuses what is in a list for the second time, at its index (correction 15)."""

    def repeated(items: list[Any]) -> Iterator[tuple[Place, Any]]:
        seen: set[Hashable] = set()
        for index, item in enumerate(items):
            if key(item) in seen:
                yield (index,), item
            seen.add(key(item))

    def check(items: list[T]) -> list[T]:
        _refuse(repeated(items), message, title="list")
        return items

    return AfterValidator(check)


def _number_only(value: Any) -> Any:
    if isinstance(value, str | bytes | bool):
        raise PydanticKnownError("int_type")
    return value


NumberOnly = BeforeValidator(_number_only)
"""Put last in an annotation of a number, it refuses the strings and booleans that pydantic would convert."""

MOST = 2**31 - 1
"""The largest number that an integer column takes."""


def _countable(value: int) -> int:
    if value > MOST:
        raise PydanticKnownError("less_than_equal", {"le": MOST})
    if value < -MOST:
        raise PydanticKnownError("greater_than_equal", {"ge": -MOST})
    return value


Countable = AfterValidator(_countable)
"""Refuses what an integer column does not take, where the contract names no bound (correction 14)."""

Integer = Annotated[int, NumberOnly]
Boolean = StrictBool


def empty_to_none(value: Any) -> Any:
    """Trimmed text, or None when nothing is left of it; anything else as it is."""
    return (value.strip() or None) if isinstance(value, str) else value


EmptyToNone = Annotated[str | None, BeforeValidator(empty_to_none)]
"""Trimmed text; blank text is null."""

Name = Annotated[Annotated[str, Field(max_length=256)] | None, BeforeValidator(empty_to_none)]
"""A person's or company's name, trimmed; blank is null (usage spec 12.1)."""


def _email(value: str) -> str:
    try:
        return validate_email(value.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        message = "value is not a valid email address: {reason}"
        raise PydanticCustomError("value_error", message, {"reason": str(error)}) from error


Email = Annotated[str, AfterValidator(_email), Field(json_schema_extra={"format": "email"})]
"""An e-mail address of correct syntax, domain in lower case; its domain is not looked up (correction 16)."""

_HTTP_URL = TypeAdapter(HttpUrl)


def _http_url(value: str) -> str:
    return str(_HTTP_URL.validate_python(value))


HttpUrlString = Annotated[
    str, Field(min_length=1, max_length=2083, json_schema_extra={"format": "uri"}), AfterValidator(_http_url)
]
"""An http or https URL as text, normalised: a bare origin gains its slash (catalog spec 6.13)."""

_IP_ADDRESS = TypeAdapter(IPvAnyAddress)


def _ip_address(value: str) -> str:
    return str(_IP_ADDRESS.validate_python(value))


IPAddress = Annotated[str, AfterValidator(_ip_address), Field(json_schema_extra={"format": "ipvanyaddress"})]
"""An IPv4 or IPv6 address as text."""

_LONGEST = timedelta(days=36_525)


def _positive(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= _LONGEST:
        raise ValueError("Duration must be positive and at most a hundred years")
    return value


PositiveDuration = Annotated[timedelta, AfterValidator(_positive)]
"""An ISO 8601 duration or a number of seconds, above zero and at most a hundred years (correction 23)."""


def _storable(value: str | int | float | bool) -> str | int | float | bool:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("Integers must fit into 64 bits")
    return value


MetadataKey = Annotated[str, Field(min_length=1, max_length=40)]
MetadataValue = Annotated[
    Annotated[str, Field(min_length=1, max_length=500)] | int | Annotated[float, AllowInfNan(False)] | bool,
    AfterValidator(_storable),
]
MetadataInput = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)]
"""At most 50 pairs; keys of 1 to 40 characters, text of 1 to 500; nothing nested (catalog spec 1.4)."""

MetadataOutputType = TypeAliasType("MetadataOutputType", dict[str, str | int | float | bool])
"""Metadata in a reply: `{}` when there is none, never null."""

CustomFieldData = dict[str, str | int | bool | Annotated[datetime, Field(strict=True)] | None]
"""Values by the slug of their custom field; what each may be depends on the field (catalog spec 3.3)."""

__all__ = [
    "MOST",
    "UUID4",
    "Boolean",
    "Countable",
    "CustomFieldData",
    "Email",
    "EmptyToNone",
    "HttpUrlString",
    "IPAddress",
    "Identified",
    "Integer",
    "ListResource",
    "MetadataInput",
    "MetadataOutputType",
    "Name",
    "NumberOnly",
    "Pagination",
    "PositiveDuration",
    "Schema",
    "Timestamped",
    "distinct",
    "empty_to_none",
]
