"""Scopes: the subscription or the order through which customers have benefits, and whether it entitles to them now.

Nothing about it is kept: it follows from the subscription, the order, its refunds and disputes, and from who holds its
seats. So whatever happened, and however often its news arrives, comparing the grants of a scope with its product is
enough. Its *holders* are who gets what comes with the product: the buyer, or with seats whoever claimed one
(usage spec 9.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import dunning
from boreal.core.disputes import OPEN
from boreal.core.grants import GrantStatus
from boreal.core.orders import BillingReason, OrderStatus
from boreal.core.prices import AmountType
from boreal.core.refunds import RefundStatus
from boreal.core.seats import SeatStatus
from boreal.core.subscriptions import ACTIVE, BILLABLE, SubscriptionStatus
from boreal.kit.db import Record, Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.public import CustomerSeatRow, DisputeRow, OrderRow, RefundRow, SubscriptionRow
from boreal.rooms.catalog.public import ProductBenefitRow, ProductPriceRow
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow
from boreal.rooms.platform.public import OrganizationRow

S = SubscriptionRow.c
O = OrderRow.c  # noqa: E741  # orders
G = BenefitGrantRow.c
SEAT = CustomerSeatRow.c
PRICE = ProductPriceRow.c

_ID = sa.bindparam("id", type_=PgUUID)
_AFTER = sa.bindparam("after", type_=PgUUID)
_CUSTOMER = sa.bindparam("customer_id", type_=PgUUID)
_PAGE = 500

_GIVEN_BACK = (
    sa.exists()
    .where(
        RefundRow.c.order_id == O.id,
        RefundRow.c.revoke_benefits,
        sa.or_(*(RefundRow.c.status == status.value for status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED))),
    )
    .correlate(OrderRow)
)
_CHARGED_BACK = (
    sa.exists()
    .where(DisputeRow.c.order_id == O.id, *(DisputeRow.c.status != status.value for status in sorted(OPEN)))
    .correlate(OrderRow)
)
_BOUGHT = sa.and_(
    O.billing_reason == BillingReason.PURCHASE.value,
    O.status != OrderStatus.PENDING.value,
    O.product_id.is_not(None),
    ~_GIVEN_BACK,
    ~_CHARGED_BACK,
)
_GRACE = OrganizationRow.c.subscription_settings["benefit_revocation_grace_period"].astext.cast(sa.Integer)

_SUBSCRIPTION = (
    sa.select(S.product_id, S.status, S.past_due_at, sa.func.coalesce(_GRACE, 0).label("grace_days"))
    .join_from(SubscriptionRow, OrganizationRow, OrganizationRow.c.id == S.organization_id)
    .where(S.id == _ID)
)
_ORDER = sa.select(O.product_id, _BOUGHT.label("entitles")).where(O.id == _ID)


@dataclass(frozen=True, slots=True)
class Scope:
    """One of the two is set."""

    subscription_id: UUID | None = None
    order_id: UUID | None = None

    @property
    def id(self) -> UUID:
        """The one that is set."""
        found = self.subscription_id or self.order_id
        assert found is not None
        return found

    @property
    def payload(self) -> dict[str, str]:
        """The scope as work carries it."""
        return {"subscription_id" if self.subscription_id is not None else "order_id": str(self.id)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a scope gives to its holders at a moment. `grace_ends_at`: until when, if its payment is overdue."""

    product_id: UUID | None
    entitles: bool
    grace_ends_at: datetime | None = None

    @property
    def is_in_grace(self) -> bool:
        """Whether it has to be looked at again although nothing else happens."""
        return self.entitles and self.grace_ends_at is not None


async def read(runs: Runs | Tx, scope: Scope, *, now: datetime) -> Standing | None:
    """How a scope stands; None if there is no such (orders spec 12.3, 15.4, 16)."""
    if scope.subscription_id is None:
        row = await runs.fetchrow(_ORDER, id=scope.id)
        return Standing(row["product_id"], row["entitles"]) if row is not None else None
    row = await runs.fetchrow(_SUBSCRIPTION, id=scope.id)
    if row is None:
        return None
    if row["status"] != SubscriptionStatus.PAST_DUE:
        return Standing(row["product_id"], row["status"] in ACTIVE)
    grace_ends_at = dunning.grace_ends_at(row["past_due_at"], days=row["grace_days"])
    return Standing(row["product_id"], now < grace_ends_at, grace_ends_at)


def _holders(container: sa.FromClause, seat_of: sa.ColumnElement[UUID]) -> sa.CTE:
    """Who holds a scope: its buyer, or whoever claimed a seat of it."""
    c = container.c
    # A subscription that moved to a plan without seats keeps their number.
    is_of_seats = (
        sa.exists()
        .where(PRICE.product_id == c.product_id, PRICE.amount_type == AmountType.SEAT_BASED.value)
        .correlate(container)
    )
    has_seats = sa.and_(c.seats.is_not(None), is_of_seats)
    buyer = sa.select(c.customer_id, c.product_id).where(c.id == _ID, sa.not_(has_seats))
    seated = (
        sa.select(SEAT.customer_id, c.product_id)
        .join_from(container, CustomerSeatRow, seat_of == c.id)
        .where(c.id == _ID, has_seats, SEAT.status == SeatStatus.CLAIMED.value)
    )
    either = sa.union_all(buyer, seated).subquery()
    return (
        sa.select(either)
        .join(CustomerRow, CustomerRow.c.id == either.c.customer_id)
        .where(CustomerRow.c.deleted_at.is_(None))
        .cte("holders")
    )


def _unsettled(holders: sa.CTE, scope_of: sa.ColumnElement[UUID]) -> sa.Select[tuple[UUID]]:
    """Customers who have something else than they should, `entitles` said."""
    wanted = (
        sa.select(holders.c.customer_id, ProductBenefitRow.c.benefit_id)
        .join_from(holders, ProductBenefitRow, ProductBenefitRow.c.product_id == holders.c.product_id)
        .where(sa.bindparam("entitles", type_=sa.Boolean))
    )
    had = sa.select(G.customer_id, G.benefit_id).where(scope_of == _ID, G.status != GrantStatus.REVOKED.value)
    wanted_only, had_only = sa.except_(wanted, had).subquery(), sa.except_(had, wanted).subquery()
    differing = sa.union(sa.select(wanted_only.c.customer_id), sa.select(had_only.c.customer_id)).subquery()
    return (
        sa.select(differing.c.customer_id)
        .where(differing.c.customer_id > _AFTER)
        .order_by(differing.c.customer_id)
        .limit(_PAGE)
    )


_OF_SUBSCRIPTION = _holders(SubscriptionRow, SEAT.subscription_id)
_OF_ORDER = _holders(OrderRow, SEAT.order_id)
_UNSETTLED = (_unsettled(_OF_SUBSCRIPTION, G.subscription_id), _unsettled(_OF_ORDER, G.order_id))
_HOLDS = tuple(
    sa.select(sa.exists().where(holders.c.customer_id == _CUSTOMER)) for holders in (_OF_SUBSCRIPTION, _OF_ORDER)
)
_UNCYCLED = (
    sa.select(G.customer_id)
    .where(
        G.subscription_id == _ID,
        G.customer_id > _AFTER,
        G.status == GrantStatus.GRANTED.value,
        G.cycled_order_id.is_distinct_from(sa.bindparam("renewal_id", type_=PgUUID)),
    )
    .group_by(G.customer_id)
    .order_by(G.customer_id)
    .limit(_PAGE)
)


async def unsettled(runs: Runs, scope: Scope, *, entitles: bool, after: UUID) -> list[UUID]:
    """A page of the customers, by id, whose grants are not what the scope and its seats say."""
    statement = _UNSETTLED[scope.subscription_id is None]
    rows = await runs.fetch(statement, id=scope.id, entitles=entitles, after=after)
    return [row["customer_id"] for row in rows]


async def uncycled(runs: Runs, subscription_id: UUID, *, renewal_id: UUID, after: UUID) -> list[UUID]:
    """A page of the customers, by id, who have grants that a renewal has not cycled."""
    rows = await runs.fetch(_UNCYCLED, id=subscription_id, renewal_id=renewal_id, after=after)
    return [row["customer_id"] for row in rows]


async def holds(tx: Tx, scope: Scope, customer_id: UUID) -> bool:
    """Whether a customer is one of those who get what the scope gives."""
    return bool(await tx.fetchval(_HOLDS[scope.subscription_id is None], id=scope.id, customer_id=customer_id))


OF_PRODUCT = (
    sa.select(S.id.label("subscription_id"), sa.null().cast(PgUUID).label("order_id"), S.id.label("place"))
    .where(S.product_id == _ID, sa.or_(*(S.status == status.value for status in sorted(BILLABLE))), S.id > _AFTER)
    .order_by(S.id)
    .limit(_PAGE),
    sa.select(sa.null().cast(PgUUID).label("subscription_id"), O.id.label("order_id"), O.id.label("place"))
    .where(O.product_id == _ID, _BOUGHT, O.id > _AFTER)
    .order_by(O.id)
    .limit(_PAGE),
)
"""Scopes that may entitle to what comes with the product, a page of each after `after`."""

_HELD = (
    sa.select(G.subscription_id, G.order_id, G.id.label("place"), G.id.label("grant_id"))
    .where(G.status != GrantStatus.REVOKED.value, G.id > _AFTER)
    .order_by(G.id)
    .limit(_PAGE)
)
OF_BENEFIT = (_HELD.where(G.benefit_id == _ID),)
"""Grants of a benefit, also failed ones."""
OF_CUSTOMER = (_HELD.where(G.customer_id == _ID),)
"""Grants of a customer, also failed ones."""


def scopes_of(rows: Sequence[Record]) -> list[Scope]:
    """The scopes of some rows, each once."""
    return list(dict.fromkeys(Scope(row["subscription_id"], row["order_id"]) for row in rows))
