"""What a report is about: whose orders, subscriptions, checkouts and events count, as predicates (usage spec 7.4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.products import ProductBillingType
from boreal.kit.auth import Actor, visible_to
from boreal.rooms.catalog.public import ProductRow

Given = frozenset[str]
"""The names of the filters that a report uses; there is one statement per source and set of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who asks, and what of theirs they ask about; None: everything."""

    actor: Actor
    organization_ids: Sequence[UUID] | None = None
    product_ids: Sequence[UUID] | None = None
    billing_types: Sequence[ProductBillingType] | None = None
    customer_ids: Sequence[UUID] | None = None

    @property
    def given(self) -> Given:
        """The filters that are used."""
        return frozenset(self._values())

    @property
    def only_organization(self) -> UUID | None:
        """The organization, if everything of just one is asked about."""
        if self.given - {"organization_ids"}:
            return None
        wanted = self.organization_ids
        found = [id for id in self.actor.organization_ids if wanted is None or id in wanted]
        return found[0] if len(found) == 1 else None

    def binds(self) -> dict[str, Any]:
        """The values for the predicates of `narrow`."""
        return {**self.actor.binds(), **self._values()}

    def _values(self) -> dict[str, Any]:
        values: Mapping[str, Any] = {
            "organization_ids": self.organization_ids,
            "product_ids": self.product_ids,
            "one_time": self.billing_types
            and [billing_type is ProductBillingType.ONE_TIME for billing_type in self.billing_types],
            "customer_ids": self.customer_ids,
        }
        return {name: list(value) for name, value in values.items() if value is not None}


def ids(name: str) -> sa.BindParameter[Any]:
    """Several ids, as one bind."""
    return sa.bindparam(name, type_=ARRAY(PgUUID))


def narrow(
    statement: sa.Select[Any],
    *,
    given: Given,
    organization_id: sa.ColumnElement[Any],
    customer_id: sa.ColumnElement[Any] | None = None,
    sells: Callable[[sa.Select[Any]], sa.ColumnElement[bool]] | None = None,
) -> sa.Select[Any]:
    """The rows that a report is about.

    `customer_id` says whose a row is, and `sells` whether it has one of some products; a source without them is not
    narrowed by that.
    """
    statement = statement.where(visible_to(organization_id))
    if "organization_ids" in given:
        statement = statement.where(organization_id == sa.func.any(ids("organization_ids")))
    if customer_id is not None and "customer_ids" in given:
        statement = statement.where(customer_id == sa.func.any(ids("customer_ids")))
    if sells is not None and given & {"product_ids", "one_time"}:
        statement = statement.where(sells(_products(given)))
    return statement


def _products(given: Given) -> sa.Select[Any]:
    statement = sa.select(ProductRow.c.id).where(visible_to(ProductRow.c.organization_id))
    if "product_ids" in given:
        statement = statement.where(ProductRow.c.id == sa.func.any(ids("product_ids")))
    if "one_time" in given:
        one_time = sa.bindparam("one_time", type_=ARRAY(sa.Boolean))
        statement = statement.where(ProductRow.c.recurring_interval.is_(None) == sa.func.any(one_time))
    return statement
