"""What a session can sell: its organization, its products, and the prices that count for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.core.discounts import Discount
from boreal.core.prices import Price
from boreal.core.pricing import default_price
from boreal.kit.db import Row, Runs
from boreal.rooms.catalog.public import (
    ProductDetail,
    read_custom_field_slugs,
    read_discounts,
    read_prices,
    read_products,
    show_custom_field_data,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A session as it was read, and its organization."""

    checkout: Checkout
    organization: Row


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that a session's amounts depend on. `others` holds ad-hoc and archived prices by id.

    `discount` is the one that the session holds. `slugs` names custom fields by id which were answered, and which no
    product of the session asks for any more.
    """

    organization: Row
    details: Mapping[UUID, ProductDetail]
    others: Mapping[UUID, Price]
    discount: Discount | None = None
    slugs: Mapping[str, str] = field(default_factory=dict)

    def prices(self, product_id: UUID, ad_hoc_price_ids: Sequence[UUID]) -> tuple[Price, ...]:
        """The ad-hoc prices of the product, if the session has some, else its catalog prices."""
        made = (self.others[id] for id in ad_hoc_price_ids)
        return tuple(price for price in made if price.product_id == product_id) or self.details[product_id].prices

    def selection(self, checkout: Checkout) -> Selection:
        """What the session sells as it stands."""
        offered = book.in_currency(self.prices(checkout.product_id, checkout.ad_hoc_price_ids), checkout.currency)
        chosen = next((price for price in offered if price.id == checkout.product_price_id), None)
        if chosen is None:
            chosen = self.others[checkout.product_price_id]
            offered = (chosen, *(price for price in offered if not price.is_static))
        return Selection(self.details[checkout.product_id].product, offered, chosen)

    def choose(
        self, product_id: UUID, ad_hoc_price_ids: Sequence[UUID], currencies: Sequence[str]
    ) -> tuple[Selection, str] | None:
        """What a product would sell, at its default price, in the first of the currencies in which it is sold."""
        prices = self.prices(product_id, ad_hoc_price_ids)
        for currency in currencies:
            offered = book.in_currency(prices, currency)
            price = default_price(offered)
            if price is not None:
                return Selection(self.details[product_id].product, offered, price), currency
        return None

    def answers(self, checkout: Checkout) -> dict[str, Any]:
        """What the buyer answered to custom fields, by slug; those of the selected product come last and in order."""
        selected = self.details[checkout.product_id]
        fields = [
            attached.custom_field for detail in (*self.details.values(), selected) for attached in detail.custom_fields
        ]
        asked = {str(field.id): field.slug for field in fields}
        return show_custom_field_data({**self.slugs, **asked}, checkout.custom_field_data)


async def read_shelves(runs: Runs, seen: Iterable[Seen]) -> dict[UUID, Shelf]:
    """The shelves of many sessions, by session id.

    Two statements, and one more for each of these that there are: ad-hoc and archived prices, discounts, answers to
    custom fields that are not asked for any more.
    """
    listed = list(seen)
    products = await read_products(runs, list({id for one in listed for id in one.checkout.product_ids}))
    catalog = {price.id for detail in products.values() for price in detail.prices}
    named = {id for one in listed for id in (*one.checkout.ad_hoc_price_ids, one.checkout.product_price_id)}
    others = await read_prices(runs, list(named - catalog)) if named - catalog else {}
    discounts = await read_discounts(runs, {id for one in listed if (id := one.checkout.discount_id) is not None})
    asked = {str(item.custom_field.id) for detail in products.values() for item in detail.custom_fields}
    answered = {id for one in listed for id in one.checkout.custom_field_data}
    slugs = await read_custom_field_slugs(runs, dict.fromkeys(answered - asked))
    return {
        one.checkout.id: Shelf(
            one.organization,
            {id: products[id] for id in one.checkout.product_ids},
            others,
            discounts[one.checkout.discount_id] if one.checkout.discount_id is not None else None,
            slugs,
        )
        for one in listed
    }


async def read_shelf(runs: Runs, seen: Seen) -> Shelf:
    """The shelf of one session."""
    return (await read_shelves(runs, [seen]))[seen.checkout.id]
