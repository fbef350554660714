"""Wire shapes of meters: which events count, and how they become one number (usage spec 4)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from boreal.core.metering import FilterConjunction, FilterOperator
from boreal.kit.schemas import (
    UUID4,
    Boolean,
    Identified,
    MetadataInput,
    MetadataOutputType,
    NumberOnly,
    Schema,
    Timestamped,
)

FilterValue = (
    Annotated[str, Field(max_length=1000)] | Annotated[int, Field(ge=-(2**31), le=2**31 - 1), NumberOnly] | Boolean
)


MAX_DEPTH = 50
"""How deep filters may stand in one another."""


def _without_prefix(property: str) -> str:
    return property.removeprefix("metadata.")


Property = Annotated[
    str, AfterValidator(_without_prefix), Field(description="A property, or a key of the metadata, taken literally.")
]


class FilterClause(Schema):
    """One comparison of a property of an event with a value."""

    property: Property
    operator: FilterOperator
    value: FilterValue


class Filter(Schema):
    """Comparisons, and filters within, of which all or one must hold."""

    conjunction: FilterConjunction
    clauses: list["FilterClause | Filter"]


def _depth(condition: Filter) -> int:
    return 1 + max((_depth(item) for item in condition.clauses if isinstance(item, Filter)), default=0)


def _shallow(condition: Filter) -> Filter:
    if _depth(condition) > MAX_DEPTH:
        raise ValueError(f"Filters may stand in one another at most {MAX_DEPTH} deep")
    return condition


class CountAggregation(Schema):
    """The number of events."""

    func: Literal["count"] = "count"


class PropertyAggregation(Schema):
    """A function over the numbers that one property holds."""

    func: Literal["sum", "max", "min", "avg"]
    property: Property


class UniqueAggregation(Schema):
    """The number of different values of one property."""

    func: Literal["unique"] = "unique"
    property: Property


FilterInput = Annotated[Filter, AfterValidator(_shallow)]
Name = Annotated[str, Field(min_length=3)]
Aggregation = Annotated[CountAggregation | PropertyAggregation | UniqueAggregation, Field(discriminator="func")]


class Meter(Identified, Timestamped):
    """A meter."""

    metadata: MetadataOutputType
    name: str
    filter: Filter
    aggregation: Aggregation
    organization_id: UUID4
    archived_at: datetime | None


class MeterCreate(Schema):
    """A new meter."""

    name: Name
    filter: FilterInput
    aggregation: Aggregation
    metadata: MetadataInput = Field(default_factory=dict)
    organization_id: UUID4 | None = Field(default_factory=lambda: None)


class MeterUpdate(Schema):
    """What to change of a meter; filter and aggregation only while nothing has been counted."""

    name: Name | None = None
    filter: FilterInput | None = None
    aggregation: Aggregation | None = None
    is_archived: bool | None = None
    metadata: MetadataInput = Field(default_factory=dict)


class MeterQuantity(Schema):
    """How much there was in one interval; `timestamp` is where it begins on the caller's grid."""

    timestamp: datetime
    quantity: float


class MeterQuantities(Schema):
    """How much there was in each interval and, by the meter's own rule, in all of them."""

    quantities: list[MeterQuantity]
    total: float
