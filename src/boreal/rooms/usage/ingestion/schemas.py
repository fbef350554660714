"""Wire shapes of events that come in, and what is wrong with those that cannot (usage spec 2.1)."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError
from typing_extensions import TypeAliasType

from boreal.kit.listing import Instant
from boreal.kit.schemas import UUID4, Integer, Schema

_NOTHING: Any = lambda: None  # noqa: E731
"""Left out: None, which the document does not show as a default."""


_AMOUNT = {
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*(?:\d{0,5}|(?=[\d.]{1,18}0*$)\d{0,5}\.\d{0,12}0*$)"},
    ]
}


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    return value


class CostMetadata(Schema):
    """What an event cost: cents, with up to twelve decimals (correction 5)."""

    amount: Annotated[
        Decimal,
        Field(max_digits=17, decimal_places=12),
        BeforeValidator(_not_boolean),
        WithJsonSchema(_AMOUNT),
    ]
    currency: Annotated[str, Field(pattern="^usd$", json_schema_extra={"pattern": "usd"})]


class LLMMetadata(Schema):
    """What a language model was asked, and what that took."""

    vendor: str
    model: str
    prompt: str | None = Field(default_factory=_NOTHING)
    response: str | None = Field(default_factory=_NOTHING)
    input_tokens: Integer
    cached_input_tokens: Integer = Field(default_factory=lambda: 0)
    output_tokens: Integer
    total_tokens: Integer


MAX_INTEGER = 2**63 - 1


def _fits(value: Any) -> Any:
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError("Integers must fit into 64 bits")
    return value


_Text = Annotated[str, Field(min_length=1, max_length=500)]
_Scalar = Annotated[_Text | int | Annotated[float, AllowInfNan(False)] | bool, AfterValidator(_fits)]


class _Metadata(BaseModel):
    """Any keys with plain values, and two keys with objects."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Scalar]

    of_cost: CostMetadata = Field(default_factory=_NOTHING, alias="_cost")
    of_llm: LLMMetadata = Field(default_factory=_NOTHING, alias="_llm")

    def stored(self) -> dict[str, Any]:
        """As it is stored: the exact amount as text."""
        found: dict[str, Any] = dict(self.__pydantic_extra__)
        if self.of_cost is not None:
            found["_cost"] = {"amount": format(self.of_cost.amount, "f"), "currency": self.of_cost.currency}
        if self.of_llm is not None:
            left_out = set() if "cached_input_tokens" in self.of_llm.model_fields_set else {"cached_input_tokens"}
            found["_llm"] = self.of_llm.model_dump(exclude=left_out)
        return found


def _check_metadata(value: Any, handler: Any) -> Any:
    if not isinstance(value, dict):
        return handler(value)  # which says what is wrong
    return _Metadata.model_validate(value).stored()


EventMetadataInput = TypeAliasType(
    "EventMetadataInput", dict[str, _Text | int | float | bool | CostMetadata | LLMMetadata]
)
"""What the document says; `_Metadata` is stricter, since only two keys may hold objects."""


SentMetadata = Annotated[EventMetadataInput, WrapValidator(_check_metadata)]
"""The metadata of an event in a request."""


MAX_NAME = 128


def _short(name: str) -> str:
    if len(name) > MAX_NAME:
        raise PydanticCustomError(
            "string_too_long", "String should have at most {max_length} characters", {"max_length": MAX_NAME}
        )
    return name


EventName = Annotated[str, AfterValidator(_short)]
"""What an event is called: up to 128 characters."""


def _is_past(value: Any, info: ValidationInfo) -> Any:
    if info.context is not None and value > info.context["now"]:
        raise PydanticCustomError("value_error", "Value error, Timestamp must be in the past.", {"error": {}})
    return value


class EventCreate(Schema):
    """Something that happened, told by the merchant."""

    timestamp: Annotated[Instant, AfterValidator(_is_past)] = Field(
        default_factory=_NOTHING,
        description="When it happened; now, if left out.",
    )
    name: EventName
    organization_id: UUID4 | None = Field(default_factory=_NOTHING)
    external_id: str | None = Field(
        default_factory=_NOTHING, description="Your id: an event with the same one is a duplicate and not kept."
    )
    parent_id: str | None = Field(default_factory=_NOTHING, description="The id or external id of the parent.")
    metadata: SentMetadata = Field(default_factory=dict)


class EventCreateCustomer(EventCreate):
    """An event of a customer that exists."""

    customer_id: UUID4


class EventCreateExternalCustomer(EventCreate):
    """An event of a customer known by your id for it, who may not exist yet."""

    external_customer_id: str


class EventsIngest(Schema):
    """Events to take in: all, or none if one is wrong."""

    events: list[EventCreateCustomer | EventCreateExternalCustomer]


class EventsIngestResponse(Schema):
    """How many events were new, and how many were known."""

    inserted: int
    duplicates: int = 0
