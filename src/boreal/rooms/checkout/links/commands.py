"""Making a checkout link, and visiting one (catalog spec 5)."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout
from boreal.core.pricing import default_price
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.secrets import new_token
from boreal.rooms.checkout.checkouts.creation import Wanted, open_session, wanted_products
from boreal.rooms.checkout.checkouts.queries import page_url
from boreal.rooms.checkout.checkouts.schemas import CheckoutProductsCreate
from boreal.rooms.checkout.links.tables import CheckoutLinkRow
from boreal.rooms.platform.public import read_organizations

SECRET_PREFIX = "polar_cl_"

L = CheckoutLinkRow.c

_INSERT = CheckoutLinkRow.insert()
_BY_SECRET = sa.select(CheckoutLinkRow).where(L.client_secret == sa.bindparam("client_secret"), L.deleted_at.is_(None))

_NEWEST = (
    sa.select(CheckoutLinkRow)
    .where(L.organization_id == sa.bindparam("organization_id"), L.deleted_at.is_(None))
    .order_by(L.created_at.desc(), L.id.desc())
    .limit(1)
)

COPIED = ("reference_id", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
"""Query parameters that become metadata of the session, unless the link has that key."""
CONSUMED = ("product_id", "amount", "customer_email", "customer_name", "discount_code", "embed_origin")
"""Query parameters that the session has taken up, so that its page need not see them."""


async def create(
    app: App,
    *,
    organization_id: UUID,
    product_ids: Sequence[UUID],
    label: str | None = None,
    success_url: str | None = None,
) -> str:
    """A new link to products of the organization; returns its client secret."""
    secret = new_token(SECRET_PREFIX)
    async with app.transaction(organization_id) as tx:
        await tx.execute(
            _INSERT,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            client_secret=secret,
            product_ids=list(product_ids),
            label=label,
            success_url=success_url,
            allow_discount_codes=True,
            require_billing_address=False,
            metadata={},
        )
    return secret


async def newest(app: App, organization_id: UUID) -> tuple[str, list[UUID]] | None:
    """The client secret and the products of the organization's newest link."""
    row = await app.database.fetchrow(_NEWEST, organization_id=organization_id)
    return (row["client_secret"], row["product_ids"]) if row else None


async def visit(app: App, client_secret: str, given: Mapping[str, str]) -> str:
    """Opens a session as the link and the visitor's query say, and returns where its page is (catalog spec 5.3).

    Raises `ResourceNotFound`, and `Invalid` when nothing on the link can be sold. Whatever else the visitor sends
    that cannot be used is ignored.
    """
    link = await app.database.fetchrow(_BY_SECRET, client_secret=client_secret)
    if link is None:
        raise ResourceNotFound
    organization = (await read_organizations(app.database, [link["organization_id"]]))[link["organization_id"]]
    if organization["blocked_at"] or organization["deleted_at"]:
        raise ResourceNotFound
    wanted = await wanted_products(app, _ordered(link["product_ids"], given), loc=("body", "products"))
    if wanted is None:
        raise Invalid(Fault(("body", "products"), "No valid products."))
    checkout, _shelf = await open_session(app, wanted, _session(link, wanted, given))
    return _page(app, checkout, given)


def _ordered(product_ids: Sequence[UUID], given: Mapping[str, str]) -> list[UUID]:
    """The products of the link, the one that the visitor asked for first."""
    asked = given.get("product_id")
    if asked is None:
        return list(product_ids)
    try:
        first = UUID(asked)
    except ValueError:
        raise Invalid(Fault(("query", "product_id"), "Input should be a valid UUID", "uuid_parsing", asked)) from None
    return sorted(product_ids, key=lambda id: id != first)


def _session(link: Row, wanted: Wanted, given: Mapping[str, str]) -> CheckoutProductsCreate:
    copied = {name: given[name][:500] for name in COPIED if given.get(name)}
    values: dict[str, Any] = {
        "products": [detail.product.id for detail in wanted.details],
        "success_url": link["success_url"],
        "allow_discount_codes": link["allow_discount_codes"],
        "require_billing_address": link["require_billing_address"],
        "metadata": {**copied, **link["metadata"]},
        "amount": _amount(wanted, given.get("amount")),
        "embed_origin": given.get("embed_origin"),
    }
    body = CheckoutProductsCreate.model_validate(values)
    for name in ("customer_email", "customer_name"):
        if given.get(name):
            try:
                body = CheckoutProductsCreate.model_validate({**values, name: given[name]})
            except ValidationError:
                continue
            values[name] = given[name]
    return body


def _amount(wanted: Wanted, text: str | None) -> int | None:
    """What the visitor wants to pay, if the first product leaves it to them and takes that much."""
    price = default_price(wanted.details[0].prices)
    if text is None or price is None:
        return None
    try:
        amount = int(float(text))
    except (ValueError, OverflowError):
        return None
    if amount < 0 or amount > 99_999_999 or 0 < amount < 50 or book.refuse_amount(price, amount):
        return None
    return amount


def _page(app: App, checkout: Checkout, given: Mapping[str, str]) -> str:
    forwarded = {name: value for name, value in given.items() if name not in CONSUMED}
    url = page_url(app.settings, checkout)
    return f"{url}?{urlencode(forwarded)}" if forwarded else url
