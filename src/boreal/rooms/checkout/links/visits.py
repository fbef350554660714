"""Visiting a checkout link: each visit opens a session of its own (catalog spec 5.3)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from pydantic import ValidationError

from boreal.core import checkouts as book
from boreal.core.calendar import TrialInterval
from boreal.core.discounts import Discount
from boreal.core.pricing import default_price
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.rooms.catalog.public import ProductDetail, find_discount, read_products, validate_custom_field_data
from boreal.rooms.checkout.checkouts.client_routes import ip_address
from boreal.rooms.checkout.checkouts.creation import Wanted, open_session
from boreal.rooms.checkout.checkouts.rendering import page_url
from boreal.rooms.checkout.checkouts.schemas import CheckoutProductsCreate, CustomerDetails
from boreal.rooms.checkout.links import queries
from boreal.rooms.platform.public import organization_by_id

COPIED = ("reference_id", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
"""Query parameters that become metadata of the session, unless the link has that key."""
PREFILLED = ("customer_email", "customer_name")
CONSUMED = frozenset({"product_id", "amount", "discount_code", "embed_origin", *PREFILLED})
"""Query parameters that the session has taken up, so that its page need not see them."""

CUSTOM_PREFIX = "custom_field_data."
"""Begins the query parameters that answer custom fields; their slug follows."""

_MAX_AMOUNT = 99_999_999


async def visit(app: App, client_secret: str, query: Sequence[tuple[str, str]], *, peer: str) -> str:
    """Opens a session as the link and the visitor's query say, and returns where its page is (catalog spec 5.3).

    Raises `ResourceNotFound`, and `Invalid` when nothing on the link can be sold. Whatever else the visitor sends that
    cannot be used is ignored. `peer` is the visitor's address.
    """
    link = await queries.by_secret(app.database, client_secret)
    organization = await organization_by_id(app.database, link["organization_id"])
    if organization is None or organization["blocked_at"] or organization["deleted_at"]:
        raise ResourceNotFound
    given = dict(query)
    found = await read_products(app.database, link["product_ids"])
    offered = tuple(found[id] for id in link["product_ids"] if not found[id].product.is_archived)
    if not offered:
        raise Invalid(Fault(("body", "products"), "No valid products."))
    selected = _selected(offered, given.get("product_id"))
    answers = _answers(selected, given)
    values = {
        **_settings(link, given),
        **_prefilled(given),
        "amount": _amount(selected, given.get("amount")),
        "custom_field_data": answers,
        "embed_origin": given.get("embed_origin"),
        "customer_ip_address": ip_address(peer),
    }
    body = CheckoutProductsCreate(products=[detail.product.id for detail in offered]).model_copy(update=values)
    wanted = Wanted(offered, selected, ("body", "products"))
    discounts = await _discounts(app, link, given.get("discount_code"))
    checkout, _shelf = await open_session(app, organization, wanted, body, discounts=discounts)
    consumed = CONSUMED | {CUSTOM_PREFIX + slug for slug in answers}
    forwarded = [(name, value) for name, value in query if name not in consumed]
    url = page_url(app.settings, checkout)
    return f"{url}?{urlencode(forwarded)}" if forwarded else url


def _selected(offered: Sequence[ProductDetail], asked: str | None) -> ProductDetail:
    """The product that the visitor asked for, if the link has it, else the first."""
    if asked is None:
        return offered[0]
    try:
        id = UUID(asked)
    except ValueError:
        raise Invalid(Fault(("query", "product_id"), "Input should be a valid UUID", "uuid_parsing", asked)) from None
    return next((detail for detail in offered if detail.product.id == id), offered[0])


def _settings(link: Row, given: Mapping[str, str]) -> dict[str, Any]:
    """What the link says of its sessions, validated when it was made, and where the visitor came from."""
    copied = {name: given[name][:500] for name in COPIED if given.get(name)}
    return {
        **{name: link[name] for name in ("success_url", "allow_discount_codes", "require_billing_address")},
        "metadata": {**copied, **link["metadata"]},
        "trial_interval": link["trial_interval"] and TrialInterval(link["trial_interval"]),
        "trial_interval_count": link["trial_interval_count"],
    }


async def _discounts(app: App, link: Row, code: str | None) -> list[Discount]:
    """The discount of the visitor's code, then that of the link, as far as there are any."""
    runs, organization_id = app.database, link["organization_id"]
    found = []
    if code and code.strip():
        found.append(await find_discount(runs, organization_id=organization_id, code=code))
    if link["discount_id"] is not None:
        found.append(await find_discount(runs, organization_id=organization_id, id=link["discount_id"]))
    return [discount for discount in found if discount is not None]


def _answers(selected: ProductDetail, given: Mapping[str, str]) -> dict[str, Any]:
    """What the visitor answers to the custom fields of the product, by slug; nothing if any of it will not do."""
    slugs = {attached.custom_field.slug for attached in selected.custom_fields}
    named = {name.removeprefix(CUSTOM_PREFIX): text for name, text in given.items() if name.startswith(CUSTOM_PREFIX)}
    answers = {slug: text for slug, text in named.items() if slug in slugs}
    _, faults = validate_custom_field_data(selected.custom_fields, answers, stored={}, required=False)
    return {} if faults else answers


def _prefilled(given: Mapping[str, str]) -> dict[str, str | None]:
    """What the visitor says of themselves, as far as the form would take it."""
    known = {}
    for name in PREFILLED:
        try:
            known[name] = getattr(CustomerDetails.model_validate({name: given.get(name)}), name)
        except ValidationError:
            continue
    return known


def _amount(selected: ProductDetail, text: str | None) -> int | None:
    """What the visitor wants to pay in whole minor units, if the product leaves it to them and takes that much."""
    price = default_price(selected.prices)
    try:
        number = Decimal(text or "NaN")
    except InvalidOperation:
        return None
    if price is None or not number.is_finite() or not 0 <= number <= _MAX_AMOUNT:
        return None
    amount = int(number)
    return None if 0 < amount < 50 or book.refuse_amount(price, amount) else amount
