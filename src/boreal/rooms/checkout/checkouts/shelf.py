"""What a session can sell: its organization, its products, and the prices that count for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.core.prices import Price
from boreal.core.pricing import default_price
from boreal.kit.db import Row, Runs
from boreal.rooms.catalog.public import ProductDetail, read_prices, read_products


@dataclass(frozen=True, slots=True)
class Seen:
    """A session as it was read, and its organization."""

    checkout: Checkout
    organization: Row


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that a session's amounts depend on. `others` holds ad-hoc and archived prices by id."""

    organization: Row
    details: Mapping[UUID, ProductDetail]
    others: Mapping[UUID, Price]

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


async def read_shelves(runs: Runs, seen: Iterable[Seen]) -> dict[UUID, Shelf]:
    """The shelves of many sessions, by session id: two statements, a third for ad-hoc and archived prices."""
    listed = list(seen)
    products = await read_products(runs, list({id for one in listed for id in one.checkout.product_ids}))
    catalog = {price.id for detail in products.values() for price in detail.prices}
    named = {id for one in listed for id in (*one.checkout.ad_hoc_price_ids, one.checkout.product_price_id)}
    others = await read_prices(runs, list(named - catalog)) if named - catalog else {}
    return {
        one.checkout.id: Shelf(one.organization, {id: products[id] for id in one.checkout.product_ids}, others)
        for one in listed
    }


async def read_shelf(runs: Runs, seen: Seen) -> Shelf:
    """The shelf of one session."""
    return (await read_shelves(runs, [seen]))[seen.checkout.id]
