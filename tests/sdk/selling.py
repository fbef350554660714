"""Sales through the official client, as a merchant's own code would make them."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from polar_sdk import Polar, models

Result = TypeVar("Result")

BUYER: dict[str, Any] = {
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
    "customer_billing_address": {"country": "FR"},
}
FIXED: dict[str, Any] = {"amount_type": "fixed", "price_amount": 1000}


def make_product(polar: Polar, name: str = "Pro", *prices: dict[str, Any], **values: Any) -> models.Product:
    """A product, with one fixed price of 10.00 unless told otherwise."""
    body: Any = {"name": name, "prices": list(prices) or [FIXED], **values}
    return polar.products.create(request=body)


def make_checkout(polar: Polar, *products: models.Product, **values: Any) -> models.Checkout:
    """A session for one of the products."""
    body: Any = {"products": [product.id for product in products], **values}
    return polar.checkouts.create(request=body)


def confirm(
    polar: Polar, checkout: models.Checkout, *, card: str | None = "pm_card_visa", **buyer: Any
) -> models.CheckoutPublicConfirmed:
    """Confirms a session as its buyer does, who has nothing but the client secret."""
    body: Any = {**BUYER, **buyer, **({"confirmation_token_id": card} if card else {})}
    return polar.checkouts.client_confirm(client_secret=checkout.client_secret, checkout_confirm_stripe=body)


def sell(polar: Polar, product: models.Product, **buyer: Any) -> models.Order:
    """The paid order of one sale."""
    checkout = make_checkout(polar, product)
    confirm(polar, checkout, **buyer)
    return until(lambda: order_of(polar, checkout))


def order_of(polar: Polar, checkout: models.Checkout) -> models.Order | None:
    """The order of a session that has succeeded, once its mail has gone out with the invoice."""
    if polar.checkouts.get(id=checkout.id).status is not models.CheckoutStatus.SUCCEEDED:
        return None
    (order,) = pages(polar.orders.list(checkout_id=checkout.id))
    return order if order.is_invoice_generated else None


def pages(first: Any) -> list[Any]:
    """The items of a list and of all the pages after it, as the client turns them."""
    found = []
    while first is not None:
        found += first.result.items
        first = first.next()
    return found


def until(look: Callable[[], Result | None], *, timeout_s: float = 20.0) -> Result:
    """What `look` returns, once that is something."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
    return found
