"""Checkout sessions and the orders that come of them, through the official client."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from polar_sdk import Polar, models

from tests.sdk.selling import FIXED, confirm, make_checkout, make_product, order_of, pages, sell, until
from tests.support.live import Live

UNKNOWN = "5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11"


def test_a_session_is_made_changed_and_read(polar: Polar) -> None:
    pro, team = make_product(polar), make_product(polar, "Team", {"amount_type": "fixed", "price_amount": 5000})
    made = make_checkout(
        polar, pro, team, success_url="https://example.com/?id={CHECKOUT_ID}", metadata={"campaign": "spring"}
    )
    assert made.status is models.CheckoutStatus.OPEN
    assert (made.amount, made.total_amount, made.tax_amount, made.currency) == (1000, 1000, None, "usd")
    assert made.success_url == f"https://example.com/?id={made.id}"
    assert made.expires_at - made.created_at == timedelta(hours=1)
    assert [product.name for product in made.products] == ["Pro", "Team"]
    assert made.prices is not None and set(made.prices) == {pro.id, team.id}
    assert made.billing_address_fields.country is models.BillingAddressFieldMode.REQUIRED
    assert polar.checkouts.get(id=made.id) == made
    changed = polar.checkouts.update(
        id=made.id, checkout_update={"product_id": team.id, "customer_email": "ada@example.com"}
    )
    assert (changed.amount, changed.product_id, changed.customer_email) == (5000, team.id, "ada@example.com")
    seen = polar.checkouts.client_get(client_secret=made.client_secret)
    assert (seen.id, seen.total_amount, seen.organization.id) == (made.id, 5000, pro.organization_id)
    chosen = polar.checkouts.client_update(
        client_secret=made.client_secret,
        checkout_update_public={"product_id": pro.id, "customer_billing_address": {"country": "US", "state": "CA"}},
    )
    assert (chosen.amount, chosen.product_id) == (1000, pro.id)
    assert chosen.customer_billing_address is not None
    assert (chosen.customer_billing_address.country, chosen.customer_billing_address.state) == ("US", "US-CA")


def test_a_session_may_bring_its_own_prices(polar: Polar) -> None:
    product = make_product(polar)
    custom = {"amount_type": "custom", "minimum_amount": 500, "preset_amount": 700}
    made = make_checkout(polar, product, prices={product.id: [custom]})
    assert made.prices is not None
    (price,) = made.prices[product.id]
    assert isinstance(price, models.ProductPriceCustom)
    assert (price.source, made.amount) == (models.ProductPriceSource.AD_HOC, 700)


@pytest.mark.parametrize(
    ("price", "buyer", "total"),
    [
        (FIXED, {}, 1000),
        ({"amount_type": "custom", "minimum_amount": 100}, {"amount": 2500}, 2500),
        ({"amount_type": "free"}, {"card": None}, 0),
    ],
)
def test_a_session_is_paid(polar: Polar, price: dict[str, Any], buyer: dict[str, Any], total: int) -> None:
    product = make_product(polar, "Pro", price)
    checkout = make_checkout(polar, product, metadata={"campaign": "spring"}, external_customer_id="u-1")
    confirmed = confirm(polar, checkout, **buyer)
    assert (confirmed.id, confirmed.STATUS, confirmed.total_amount) == (checkout.id, "confirmed", total)
    assert confirmed.customer_session_token.startswith("polar_cst_")
    order = until(lambda: order_of(polar, checkout))
    assert polar.orders.get(id=order.id) == order
    assert (order.status, order.paid, order.total_amount) == (models.OrderStatus.PAID, True, total)
    assert (order.checkout_id, order.metadata) == (checkout.id, {"campaign": "spring"})
    assert (order.customer.external_id, order.customer.email) == ("u-1", "ada@example.com")
    assert order.billing_address is not None and order.billing_address.country == "FR"
    assert order.product is not None and order.product.name == "Pro"
    assert [item.amount for item in order.items] == [total]
    assert order.billing_reason is models.OrderBillingReason.PURCHASE


def test_sessions_and_orders_are_listed(polar: Polar) -> None:
    pro, cloud = make_product(polar), make_product(polar, "Cloud", recurring_interval="month")
    orders = [sell(polar, pro), sell(polar, cloud), sell(polar, pro, customer_email="bob@example.com")]
    still_open = make_checkout(polar, pro)
    first = [models.CheckoutSortProperty.CREATED_AT]
    everything = pages(polar.checkouts.list(limit=3, sorting=first))
    assert [checkout.id for checkout in everything] == [*(order.checkout_id for order in orders), still_open.id]
    assert pages(polar.checkouts.list(status=models.CheckoutStatus.OPEN)) == [still_open]
    assert pages(polar.checkouts.list(product_id=cloud.id)) == [everything[1]]
    assert pages(polar.checkouts.list(customer_id=orders[2].customer_id)) == [everything[2]]
    assert pages(polar.checkouts.list(query="bob@")) == [everything[2]]
    oldest = [models.OrderSortProperty.CREATED_AT]
    assert pages(polar.orders.list(limit=2, sorting=oldest)) == orders
    assert pages(polar.orders.list(product_id=[pro.id], sorting=oldest)) == [orders[0], orders[2]]
    assert pages(polar.orders.list(product_billing_type=models.ProductBillingType.RECURRING)) == [orders[1]]
    assert pages(polar.orders.list(customer_id=orders[2].customer_id)) == [orders[2]]
    assert pages(polar.orders.list(checkout_id=still_open.id)) == []
    subscription = orders[1].subscription
    assert subscription is not None and subscription.status is models.SubscriptionStatus.ACTIVE
    assert orders[1].billing_reason is models.OrderBillingReason.SUBSCRIPTION_CREATE


def test_a_decline_is_a_payment_error_and_leaves_the_session_open(polar: Polar) -> None:
    checkout = make_checkout(polar, make_product(polar))
    with pytest.raises(models.PaymentError) as refused:
        confirm(polar, checkout, card="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert (refused.value.status_code, refused.value.data.ERROR) == (400, "PaymentError")
    assert "insufficient funds" in refused.value.data.detail
    assert polar.checkouts.get(id=checkout.id).status is models.CheckoutStatus.OPEN
    confirm(polar, checkout)
    until(lambda: order_of(polar, checkout))


async def test_what_was_confirmed_survives_the_death_of_the_server(live: Live, polar: Polar) -> None:
    checkout = make_checkout(polar, make_product(polar))
    confirm(polar, checkout)
    live.kill()
    await live.boreal.app.database.execute(_END_LEASES)  # what was in progress is taken up after a minute
    await live.start()
    order = until(lambda: order_of(polar, checkout))
    assert (order.checkout_id, order.status) == (checkout.id, models.OrderStatus.PAID)
    assert pages(polar.orders.list()) == [order]


async def test_an_expired_session_says_so_to_its_buyer(live: Live, polar: Polar) -> None:
    checkout = make_checkout(polar, make_product(polar))
    await live.boreal.app.database.execute(_EXPIRE, id=UUID(checkout.id))
    for call in (
        lambda: polar.checkouts.client_get(client_secret=checkout.client_secret),
        lambda: polar.checkouts.client_update(client_secret=checkout.client_secret, checkout_update_public={}),
        lambda: confirm(polar, checkout),
    ):
        with pytest.raises(models.ExpiredCheckoutError) as expired:
            call()
        assert expired.value.status_code == 410


_END_LEASES = sa.text("UPDATE work SET due_at = now() WHERE failed_at IS NULL")
_EXPIRE = sa.text("UPDATE checkouts SET expires_at = created_at - interval '1 hour' WHERE id = :id")


def test_a_session_that_was_paid_cannot_be_changed(polar: Polar) -> None:
    order = sell(polar, make_product(polar))
    assert order.checkout_id is not None
    secret = polar.checkouts.get(id=order.checkout_id).client_secret
    for call in (
        lambda: polar.checkouts.update(id=order.checkout_id or "", checkout_update={"metadata": {"a": 1}}),
        lambda: polar.checkouts.client_update(client_secret=secret, checkout_update_public={"customer_name": "Bob"}),
        lambda: polar.checkouts.client_confirm(client_secret=secret, checkout_confirm_stripe={}),
    ):
        with pytest.raises(models.CheckoutForbiddenError) as closed:
            call()
        assert isinstance(closed.value.data, models.NotOpenCheckoutData)


def test_a_second_subscription_of_one_customer_is_refused(polar: Polar) -> None:
    cloud = make_product(polar, "Cloud", recurring_interval="month")
    sell(polar, cloud)
    with pytest.raises(models.CheckoutForbiddenError) as refused:
        confirm(polar, make_checkout(polar, cloud))
    assert isinstance(refused.value.data, models.AlreadyActiveSubscriptionErrorData)


def test_what_is_wrong_is_said_by_typed_errors(polar: Polar) -> None:
    checkout = make_checkout(polar, make_product(polar))
    with pytest.raises(models.HTTPValidationError) as unknown:
        polar.checkouts.create(request={"products": [UNKNOWN]})
    assert [fault.loc for fault in unknown.value.data.detail or []] == [["body", "products", 0]]
    with pytest.raises(models.HTTPValidationError) as empty:
        polar.checkouts.client_confirm(client_secret=checkout.client_secret, checkout_confirm_stripe={})
    assert ["body", "customer_email"] in [fault.loc for fault in empty.value.data.detail or []]
    for call in (
        lambda: polar.checkouts.get(id=UNKNOWN),
        lambda: polar.checkouts.update(id=UNKNOWN, checkout_update={}),
        lambda: polar.checkouts.client_get(client_secret="polar_c_unknown"),
        lambda: polar.checkouts.client_update(client_secret="polar_c_unknown", checkout_update_public={}),
        lambda: polar.orders.get(id=UNKNOWN),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
