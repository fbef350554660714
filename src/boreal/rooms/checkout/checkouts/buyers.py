"""Who the buyer of a session is, as far as the organization knows them already (catalog spec 6.5, 6.11, 6.14)."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.checkouts import Checkout
from boreal.core.subscriptions import BILLABLE
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.public import SubscriptionRow
from boreal.rooms.customers.public import CustomerRow

C = CustomerRow.c
S = SubscriptionRow.c

_EMAIL = sa.func.lower(C.email) == sa.func.lower(sa.bindparam("email", type_=sa.Text))
_IS_LINKED = sa.func.coalesce(C.id == sa.bindparam("id", type_=PgUUID), sa.false())
_SUBSCRIBES = sa.exists().where(
    S.customer_id == C.id, sa.or_(*(S.status == status.value for status in sorted(BILLABLE)))
)
_FIND = (
    sa.select(
        C.id, C.email, C.external_id, C.processor_customer_id, _SUBSCRIBES.correlate(CustomerRow).label("subscribes")
    )
    .where(
        C.organization_id == sa.bindparam("organization_id", type_=PgUUID),
        C.deleted_at.is_(None),
        sa.or_(
            C.id == sa.bindparam("id", type_=PgUUID),
            _EMAIL,
            C.external_id == sa.bindparam("external_id", type_=sa.Text),
        ),
    )
    .order_by(_IS_LINKED.desc(), _EMAIL.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Buyer:
    """The customer that a confirmation would find. `subscribes`: to any product, active, on trial or past due."""

    id: UUID
    email: str
    external_id: str | None
    processor_customer_id: str | None
    subscribes: bool


async def find_buyer(runs: Runs | Tx, checkout: Checkout) -> Buyer | None:
    """The customer linked to the session, else with its e-mail in any case of letters, else with its external id."""
    names = {
        "id": checkout.customer_id,
        "email": checkout.customer_email,
        "external_id": checkout.external_customer_id,
    }
    if not any(names.values()):
        return None
    row = await runs.fetchrow(_FIND, organization_id=checkout.organization_id, **names)
    return Buyer(**row) if row is not None else None
