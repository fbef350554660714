"""The door to metered usage: what a subscription's meters counted and is not billed yet (orders spec 13).

No meter counts anything yet, so there is never any usage and nothing to reset. The room of usage puts its reading and
its reset here; how usage becomes lines, and when, is settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from boreal.core.billing_run import Line
from boreal.core.prices import Price
from boreal.core.usage_lines import UsageShare, line_amount, spread
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.labels import usage_label


@dataclass(frozen=True, slots=True)
class MeteredUsage:
    """What was used under a price and is not billed yet. Of one meter, usage of replaced prices comes first.

    `credited` is what the meter's credits cover of all its usage, the same for each of its prices.
    """

    price: Price
    meter_name: str
    share: UsageShare


async def read_usage(runs: Runs | Tx, subscription_id: UUID) -> Sequence[MeteredUsage]:
    """The usage of a subscription that waits to be billed, in the order of its recording, meter by meter."""
    return ()


async def take_usage(tx: Tx, subscription_id: UUID, order_id: UUID) -> None:
    """The usage that was read is billed by this order, once and for ever."""


async def reset_meters(tx: Tx, subscription_id: UUID) -> None:
    """A new period of usage begins (orders spec 13.5)."""


def usage_lines(usage: Sequence[MeteredUsage]) -> tuple[Line, ...]:
    """The lines of an order for some usage: one for each price, less the meter's credits (orders spec 13.2, 13.3)."""
    lines: list[Line] = []
    for _, group in groupby(usage, key=lambda used: used.price.meter_id):
        of_meter = list(group)
        shares = spread([used.share.consumed for used in of_meter], of_meter[0].share.credited)
        lines += [_line(used, share) for used, share in zip(of_meter, shares, strict=True)]
    return tuple(lines)


def _line(used: MeteredUsage, share: UsageShare) -> Line:
    price = used.price
    assert price.unit_amount is not None
    return Line(
        label=usage_label(used.meter_name, price, share),
        amount=line_amount(share.consumed, share.credited, unit_amount=price.unit_amount, cap=price.cap_amount),
        product_price_id=price.id,
        discountable=True,
    )
