"""The order of prices on the wire, and what a change of a product means (catalog spec 2.1, 2.9)."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from boreal.core.prices import STATIC, AmountType, Price, PriceSource, in_wire_order
from boreal.core.products import Product, facts

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def price(amount_type: AmountType, *, minutes: int = 0, position: int = 0) -> Price:
    return Price(
        id=uuid.uuid4(),
        created_at=NOW + timedelta(minutes=minutes),
        modified_at=None,
        organization_id=uuid.uuid4(),
        product_id=uuid.uuid4(),
        source=PriceSource.CATALOG,
        position=position,
        is_archived=False,
        amount_type=amount_type,
    )


def test_only_metered_prices_are_not_static() -> None:
    assert set(AmountType) - STATIC == {AmountType.METERED_UNIT}
    assert all(price(kind).is_static == (kind in STATIC) for kind in AmountType)


def test_metered_prices_stand_between_amounts_and_seats() -> None:
    seats = price(AmountType.SEAT_BASED)
    late, early = price(AmountType.METERED_UNIT, minutes=2), price(AmountType.METERED_UNIT, minutes=1, position=1)
    same_time = price(AmountType.METERED_UNIT, minutes=1, position=0)
    fixed = price(AmountType.FIXED, minutes=3)
    assert in_wire_order([seats, late, early, same_time, fixed]) == (fixed, same_time, early, late, seats)


@given(st.permutations([price(kind, minutes=i % 3, position=i) for i, kind in enumerate([*AmountType] * 2)]))
def test_the_order_does_not_depend_on_how_prices_are_read(prices: list[Price]) -> None:
    ordered = in_wire_order(prices)
    assert sorted(ordered, key=id) == sorted(prices, key=id)
    assert in_wire_order(reversed(prices)) == ordered


def test_a_product_is_created_once_and_updated_ever_after() -> None:
    product = Product(
        id=uuid.uuid4(),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.uuid4(),
        name="Pro",
        description=None,
        recurring_interval=None,
        recurring_interval_count=None,
        trial_interval=None,
        trial_interval_count=None,
        is_archived=False,
        metadata={},
    )
    assert facts(None, product) == ("product.created",)
    assert facts(product, replace(product, modified_at=NOW)) == ("product.updated",)
    assert not product.is_recurring
