"""Usage on invoices, held against a model that knows every event: chance decides what happens, and in which order."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from tests.support.catalog import make_product, seats
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.subscribers import MONTHLY, all_orders, changed, subscribe, subscription
from tests.support.usage import ingest, make_customer, make_meter

STEPS = 24
PRICES = {"Small": (3, 100), "Large": (7, None)}
"""What a unit of the sum costs, and of the peak (None: not at all)."""


@dataclass
class Model:
    """What has to be on the next order for usage."""

    plan: str = "Small"
    has_seat: bool = False
    units: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    peak: int | None = None
    peak_plan: str | None = None

    def use(self, who: str, value: int) -> None:
        if who == "bob" and not self.has_seat:
            return
        self.units[self.plan] += value
        if PRICES[self.plan][1] is not None:
            self.peak, self.peak_plan = max(value, self.peak or 0), self.plan

    def bill(self) -> list[int]:
        amounts = [PRICES[plan][0] * units for plan, units in self.units.items()]
        if self.peak is not None:
            price = PRICES[self.plan][1] or PRICES[self.peak_plan or ""][1]
            assert price is not None
            amounts.append(price * self.peak)
        self.units.clear()
        self.peak = None
        return sorted(amounts)


async def next_bill(shop: Shop, seen: int) -> tuple[list[int], int]:
    """The amounts for usage of the orders that are new, and how many orders there are."""
    orders = await all_orders(shop)
    lines = [item for order in orders[seen:] for item in order["items"] if "consumed" in item["label"]]
    return sorted(item["amount"] for item in lines), len(orders)


@pytest.mark.parametrize("seed", range(3))
async def test_usage_is_billed_as_a_model_says(shop: Shop, seed: int) -> None:
    chance, model = Random(seed), Model()
    shop.clock.set(datetime(2025, 1, 1, tzinfo=UTC))
    total, peak = await make_meter(shop, "sum", "v"), await make_meter(shop, "max", "v")
    plans = {}
    for name, (per_unit, per_peak) in PRICES.items():
        pairs = [(total, per_unit), *([(peak, per_peak)] if per_peak is not None else [])]
        metered = [
            {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": str(price)}
            for meter, price in pairs
        ]
        plans[name] = await make_product(shop, seats((1, 5, 1000)), *metered, name=name, **MONTHLY)
    await make_customer(shop, "bob")
    bought = await subscribe(shop, plans["Small"], session={"external_customer_id": "ada", "seats": 2})
    seat: dict[str, Any] = {}
    seen = 1
    for _ in range(STEPS):
        match chance.choice(("use", "use", "use", "renew", "change", "seat")):
            case "use":
                who, value = chance.choice(("ada", "ada", "bob")), chance.randrange(50)
                await ingest(shop, {"external_customer_id": who, "metadata": {"v": value}})
                model.use(who, value)
            case "renew":
                period = (await subscription(shop, bought["id"]))["current_period_end"]
                left = datetime.fromisoformat(period) - shop.clock.now()
                await shop.advance(seconds=left.total_seconds())
                billed, seen = await next_bill(shop, seen)
                assert billed == model.bill()
            case "change":
                model.plan = "Large" if model.plan == "Small" else "Small"
                behavior = chance.choice(("invoice", "prorate"))
                await changed(shop, bought["id"], product_id=plans[model.plan]["id"], proration_behavior=behavior)
                if behavior == "invoice":
                    billed, seen = await next_bill(shop, seen)
                    assert billed == model.bill()
            case "seat" if model.has_seat:
                good(await shop.client.delete(f"/v1/customer-seats/{seat['id']}"))
                model.has_seat = False
            case "seat":
                body = {"subscription_id": bought["id"], "external_customer_id": "bob", "immediate_claim": True}
                seat = good(await shop.client.post("/v1/customer-seats", json=body))
                model.has_seat = True
    await shop.check()
