"""Whose events a request asks for, by the parameters that all lists of events have (usage spec 2.3)."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import subject_of
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Runs
from boreal.rooms.customers.public import CustomerRow

C = CustomerRow.c

_NAMED = sa.bindparam("external_ids", type_=ARRAY(sa.Text))
_CUSTOMERS = sa.select(C.id, C.organization_id, C.external_id).where(
    visible_to(C.organization_id),
    C.deleted_at.is_(None),
    sa.or_(C.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))), C.external_id == sa.func.any(_NAMED)),
)


def _several(given: Any) -> list[Any]:
    """The values of a parameter that may be repeated; none if it was not given."""
    return [] if given is None else given if isinstance(given, list) else [given]


def organizations(actor: Actor, given: Mapping[str, Any]) -> list[UUID]:
    """Those that the actor may see, of those that were asked for."""
    wanted = _several(given.get("organization_id"))
    return [id for id in actor.organization_ids if not wanted or id in wanted]


async def subjects(runs: Runs, actor: Actor, given: Mapping[str, Any]) -> list[UUID] | None:
    """Whom events of what the actor sees may be about, by the customer filters; None without any."""
    ids, external_ids = _several(given.get("customer_id")), _several(given.get("external_customer_id"))
    return await subjects_of(runs, actor.organization_ids, ids=ids, external_ids=external_ids)


async def subjects_of(
    runs: Runs, organization_ids: Collection[UUID], *, ids: Collection[UUID], external_ids: Collection[str]
) -> list[UUID] | None:
    """Whom events of organizations may be about, by ids of customers; None without any.

    A customer is meant by either id, and an external id also where no customer has it (usage spec 2.3). Customers that
    were asked for by both filters have to be meant by both.
    """
    if not ids and not external_ids:
        return None
    binds = {"ids": list(ids), "external_ids": list(external_ids)}
    found = await runs.fetch(_CUSTOMERS, actor_organization_ids=list(organization_ids), **binds)
    by_either = []
    if ids:
        named = {
            subject_of(row["organization_id"], row["external_id"])
            for row in found
            if row["id"] in ids and row["external_id"] is not None
        }
        by_either.append({*ids, *named})
    if external_ids:
        named = {subject_of(organization, text) for organization in organization_ids for text in external_ids}
        by_either.append({*named, *(row["id"] for row in found if row["external_id"] in external_ids)})
    return sorted(set.intersection(*by_either))
