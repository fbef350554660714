"""Products: what is sold, and how it is billed (catalog spec 2).

A product with an interval recurs, one without is bought once; that never changes. Products are archived, not deleted.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core.calendar import RecurringInterval, TrialInterval


class ProductBillingType(StrEnum):
    """Billed once or in periods; a filter of order lists (contract ``ProductBillingType``)."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is sold. Interval and its count are both set or both None; so are those of the trial."""

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    name: str
    description: str | None
    recurring_interval: RecurringInterval | None
    recurring_interval_count: int | None
    trial_interval: TrialInterval | None
    trial_interval_count: int | None
    is_archived: bool
    metadata: dict[str, Any]

    @property
    def is_recurring(self) -> bool:
        """Whether it is billed in periods."""
        return self.recurring_interval is not None


def facts(before: Product | None, after: Product) -> tuple[str, ...]:
    """`product.created`, or `product.updated` after each update, also of prices or benefits only (catalog spec 2.9)."""
    return ("product.created",) if before is None else ("product.updated",)
