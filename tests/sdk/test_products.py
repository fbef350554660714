"""Products through the official client."""

import pytest
from polar_sdk import Polar, models

from tests.sdk.selling import FIXED, make_product, pages
from tests.support.live import Live, Merchant

UNKNOWN = "5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11"


def test_every_kind_of_price_is_what_the_client_takes_it_for(polar: Polar) -> None:
    fixed = make_product(polar, "Fixed", description="Once", metadata={"shelf": "a", "row": 2, "new": True})
    custom = make_product(polar, "Custom", {"amount_type": "custom", "minimum_amount": 100, "preset_amount": 500})
    free = make_product(polar, "Free", {"amount_type": "free"})
    tiers = [{"min_seats": 1, "max_seats": 4, "price_per_seat": 900}, {"min_seats": 5, "price_per_seat": 700}]
    seats = make_product(
        polar, "Seats", {"amount_type": "seat_based", "seat_tiers": {"tiers": tiers}}, recurring_interval="month"
    )
    (price,) = fixed.prices
    assert isinstance(price, models.ProductPriceFixed)
    assert (price.price_amount, price.price_currency, price.source) == (1000, "usd", models.ProductPriceSource.CATALOG)
    assert price.product_id == fixed.id
    assert (fixed.metadata, fixed.is_recurring, fixed.recurring_interval) == (
        {"shelf": "a", "row": 2, "new": True},
        False,
        None,
    )
    assert isinstance(custom.prices[0], models.ProductPriceCustom)
    assert isinstance(free.prices[0], models.ProductPriceFree)
    (per_seat,) = seats.prices
    assert isinstance(per_seat, models.ProductPriceSeatBased)
    assert [tier.price_per_seat for tier in per_seat.seat_tiers.tiers] == [900, 700]
    assert (per_seat.seat_tiers.minimum_seats, per_seat.seat_tiers.maximum_seats) == (1, None)
    assert (seats.recurring_interval, seats.recurring_interval_count) == ("month", 1)
    for product in (fixed, custom, free, seats):
        assert polar.products.get(id=product.id) == product


def test_a_product_is_changed_and_archived(polar: Polar) -> None:
    product = make_product(polar, "Pro", recurring_interval="year", trial_interval="day", trial_interval_count=14)
    kept = product.prices[0].id
    named = polar.products.update(
        id=product.id, product_update={"name": "Pro+", "prices": [models.ExistingProductPrice(id=kept)]}
    )
    assert (named.name, [price.id for price in named.prices]) == ("Pro+", [kept])
    assert (named.trial_interval, named.trial_interval_count) == (models.TrialInterval.DAY, 14)
    assert named.modified_at is not None
    dearer = polar.products.update(
        id=product.id, product_update={"prices": [{"amount_type": "fixed", "price_amount": 2000}]}
    )
    (price,) = dearer.prices  # of two shapes that fit, the client takes the one from before 2025
    assert isinstance(price, models.ProductPriceFixed | models.LegacyRecurringProductPriceFixed)
    assert (price.price_amount, price.id != kept) == (2000, True)
    archived = polar.products.update(id=product.id, product_update={"is_archived": True})
    assert (archived.is_archived, pages(polar.products.list(is_archived=False))) == (True, [])
    assert polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": []}).benefits == []


def test_lists_are_filtered_sorted_and_turned(polar: Polar) -> None:
    once = [make_product(polar, f"Book {number}", metadata={"shelf": number % 2}) for number in range(5)]
    monthly = make_product(polar, "Magazine", recurring_interval="month")
    by_name = [models.ProductSortProperty.NAME]
    first = polar.products.list(limit=4, sorting=by_name)
    assert first is not None
    assert (first.result.pagination.total_count, first.result.pagination.max_page) == (6, 2)
    assert [product.name for product in pages(first)] == [product.name for product in [*once, monthly]]
    assert pages(polar.products.list(limit=2)) == [monthly, *reversed(once)]
    assert pages(polar.products.list(is_recurring=True)) == [monthly]
    assert pages(polar.products.list(query="magaz")) == [monthly]
    assert pages(polar.products.list(id=[once[0].id, once[3].id], sorting=by_name)) == [once[0], once[3]]
    assert pages(polar.products.list(id=monthly.id)) == [monthly]
    assert pages(polar.products.list(metadata={"shelf": 1}, sorting=by_name)) == [once[1], once[3]]
    assert pages(polar.products.list(metadata={"shelf": ["0", "1"]}, sorting=by_name)) == once
    assert pages(polar.products.list(benefit_id=UNKNOWN)) == []
    assert pages(polar.products.list(organization_id=monthly.organization_id, query="magazine")) == [monthly]


async def test_the_asynchronous_client_lists_too(live: Live, merchant: Merchant, polar: Polar) -> None:
    made = [make_product(polar, f"Book {number}") for number in range(3)]
    async with Polar(access_token=merchant.token, server_url=live.base_url) as client:
        page = await client.products.list_async(limit=2, sorting=[models.ProductSortProperty.CREATED_AT])
        assert pages(page) == made


def test_what_is_wrong_is_said_by_typed_errors(polar: Polar) -> None:
    with pytest.raises(models.ResourceNotFound):
        polar.products.get(id=UNKNOWN)
    with pytest.raises(models.ResourceNotFound):
        polar.products.update(id=UNKNOWN, product_update={"name": "Nothing"})
    with pytest.raises(models.ResourceNotFound):
        polar.products.update_benefits(id=UNKNOWN, product_benefits_update={"benefits": []})
    with pytest.raises(models.HTTPValidationError) as wrong:
        polar.products.create(request={"name": "No", "prices": []})
    assert [fault.loc[:1] for fault in wrong.value.data.detail or []] == [["body"]] * len(wrong.value.data.detail or [])
    product = make_product(polar)
    with pytest.raises(models.HTTPValidationError) as unknown:
        polar.products.update_benefits(id=product.id, product_benefits_update={"benefits": [UNKNOWN]})
    assert [fault.loc for fault in unknown.value.data.detail or []] == [["body", "benefits", 0]]
    with pytest.raises(models.HTTPValidationError):
        polar.products.create(request={"name": "Two", "prices": [FIXED, FIXED]})
