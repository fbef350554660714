"""What a meter counts among the events, and how (usage spec 4.2, 4.3)."""

from enum import StrEnum


class AggregationFunction(StrEnum):
    """How the events that pass the filter become one number (usage spec 4.3)."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    AVG = "avg"
    UNIQUE = "unique"


class FilterConjunction(StrEnum):
    """Whether all clauses of a filter must hold, or one."""

    AND = "and"
    OR = "or"


class FilterOperator(StrEnum):
    """How a clause compares a property of an event with its value (usage spec 4.2)."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    LIKE = "like"
    NOT_LIKE = "not_like"
