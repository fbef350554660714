"""Changing what events are called (usage spec 3)."""

from uuid import UUID

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Record
from boreal.kit.problems import ResourceNotFound
from boreal.rooms.usage.event_types import queries
from boreal.rooms.usage.event_types.schemas import EventTypeUpdate
from boreal.rooms.usage.events.tables import EventTypeRow

T = EventTypeRow.c

_UPDATE = (
    sa.update(EventTypeRow)
    .where(T.id == sa.bindparam("key", type_=T.id.type))
    .values(
        label=sa.bindparam("new_label", type_=T.label.type),
        label_property_selector=sa.bindparam("new_selector", type_=T.label_property_selector.type),
        modified_at=sa.bindparam("now", type_=T.modified_at.type),
    )
    .returning(*EventTypeRow.columns)
)
_FIND = sa.select(T.organization_id).where(T.id == sa.bindparam("id", type_=T.id.type), visible_to(T.organization_id))


async def update(app: App, actor: Actor, id: UUID, changes: EventTypeUpdate) -> Record:
    """The type as it is then; raises `ResourceNotFound`."""
    organization_id = await app.database.fetchval(_FIND, id=id, **actor.binds())
    if organization_id is None:
        raise ResourceNotFound
    async with app.transaction(organization_id) as tx:
        if await tx.fetchrow(queries.LOCK, id=id, **actor.binds()) is None:
            raise ResourceNotFound
        changed = await tx.fetchrow(
            _UPDATE,
            key=id,
            new_label=changes.label,
            new_selector=changes.label_property_selector,
            now=tx.now,
        )
    assert changed is not None
    return changed
