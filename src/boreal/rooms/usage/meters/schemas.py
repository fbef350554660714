"""Wire shapes of meters: which events count, and how they become one number (usage spec 4)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from boreal.core.metering import FilterConjunction, FilterOperator
from boreal.kit.schemas import UUID4, Boolean, Identified, MetadataOutputType, NumberOnly, Schema, Timestamped

FilterValue = (
    Annotated[str, Field(max_length=1000)] | Annotated[int, Field(ge=-(2**31), le=2**31 - 1), NumberOnly] | Boolean
)


class FilterClause(Schema):
    """One comparison of a property of an event with a value."""

    property: str
    operator: FilterOperator
    value: FilterValue


class Filter(Schema):
    """Comparisons, and filters within, of which all or one must hold."""

    conjunction: FilterConjunction
    clauses: list["FilterClause | Filter"]


class CountAggregation(Schema):
    """The number of events."""

    func: Literal["count"] = "count"


class PropertyAggregation(Schema):
    """A function over the numbers that one property holds."""

    func: Literal["sum", "max", "min", "avg"]
    property: str


class UniqueAggregation(Schema):
    """The number of different values of one property."""

    func: Literal["unique"] = "unique"
    property: str


Aggregation = Annotated[CountAggregation | PropertyAggregation | UniqueAggregation, Field(discriminator="func")]


class Meter(Identified, Timestamped):
    """A meter."""

    metadata: MetadataOutputType
    name: str
    filter: Filter
    aggregation: Aggregation
    organization_id: UUID4
    archived_at: datetime | None
