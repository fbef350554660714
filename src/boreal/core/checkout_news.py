"""What who watches a checkout session is told, from how it was and how it is (catalog spec 8).

A watcher sees the session at moments, not every write: what lies between two looks is told once, as it is by now.

>>> from dataclasses import replace
>>> confirmed = Glance(CheckoutStatus.CONFIRMED, None, None, is_told=True)
>>> bought = Glance(CheckoutStatus.SUCCEEDED, None, UUID(int=1), is_told=False)
>>> [key.removeprefix("checkout.") for key, _ in news(confirmed, bought)]
['subscription_created', 'order_created', 'updated']
>>> [key for key, _ in news(bought, replace(bought, is_told=True))]
['checkout.webhook_event_delivered']
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from boreal.core.checkouts import CheckoutStatus

News = tuple[str, dict[str, str]]
"""The key of a message, and its payload."""

ENDS = frozenset({CheckoutStatus.SUCCEEDED, CheckoutStatus.EXPIRED, CheckoutStatus.FAILED})
"""After these nothing more happens to a session."""


@dataclass(frozen=True, slots=True)
class Glance:
    """A session at one moment. `is_told`: whether its merchant's endpoints know of it as it is; None while unknown."""

    status: CheckoutStatus
    modified_at: datetime | None
    subscription_id: UUID | None
    is_told: bool | None = None

    @property
    def is_over(self) -> bool:
        """Whether there will be no news any more."""
        return self.status in ENDS and self.is_told is True


def news(before: Glance, after: Glance) -> tuple[News, ...]:
    """The messages for who saw `before` and now sees `after`, in order."""
    found: list[News] = []
    has_changed = (before.status, before.modified_at) != (after.status, after.modified_at)
    if after.status is CheckoutStatus.SUCCEEDED and before.status is not CheckoutStatus.SUCCEEDED:
        if after.subscription_id is not None:
            found.append(("checkout.subscription_created", {}))
        found.append(("checkout.order_created", {}))
    if has_changed:
        found.append(("checkout.updated", {"status": after.status}))
    if after.is_told and (has_changed or before.is_told is False):
        found.append(("checkout.webhook_event_delivered", {"status": after.status}))
    return tuple(found)
