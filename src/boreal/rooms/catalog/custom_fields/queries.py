"""Reading custom fields: the list, fields by id, and the slugs under which stored values are shown."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.custom_fields import CustomField, CustomFieldType
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListSpec, any_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.catalog.custom_fields.tables import CustomFieldRow

C = CustomFieldRow.c

_LIVE = sa.select(CustomFieldRow).where(C.deleted_at.is_(None))
_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))

CUSTOM_FIELDS = ListSpec(
    select=_LIVE,
    visible=visible_to(C.organization_id),
    key=C.id,
    sorts={"created_at": C.created_at, "slug": C.slug, "name": sa.func.lower(C.name), "type": C.type},
    default="slug",
    filters=(
        any_of("organization_id", C.organization_id, UUID4),
        search("query", C.name, C.slug),
        any_of("type", C.type, CustomFieldType),
    ),
    sort_name="CustomFieldSortProperty",
)

_VISIBLE = _LIVE.where(C.id == sa.bindparam("id"), visible_to(C.organization_id))
LOCK = _VISIBLE.with_for_update(key_share=True)
# Shared locks: until the transaction is over, nobody deletes what it is about to attach.
_ATTACHABLE = (
    _LIVE.where(C.id == sa.func.any(_IDS), C.organization_id == sa.bindparam("organization_id"))
    .order_by(C.id)
    .with_for_update(read=True)
)
# Live fields come last and so win over deleted ones that had the same slug.
_SLUGS = sa.select(C.id, C.slug).where(C.id == sa.func.any(_IDS)).order_by(C.deleted_at.asc().nulls_last(), C.slug)


def custom_field_of(row: Record) -> CustomField:
    """The field that a row holds."""
    return CustomField(
        id=row["id"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        organization_id=row["organization_id"],
        type=CustomFieldType(row["type"]),
        slug=row["slug"],
        name=row["name"],
        properties=row["properties"],
        metadata=row["metadata"],
    )


async def find(runs: Runs, actor: Actor, id: UUID) -> CustomField | None:
    """A live field that the actor may see."""
    row = await runs.fetchrow(_VISIBLE, id=id, **actor.binds())
    return None if row is None else custom_field_of(row)


async def attachable(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, CustomField]:
    """Those of `ids` that are live fields of the organization, kept alive until the end of the transaction."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await runs.fetch(_ATTACHABLE, ids=wanted, organization_id=organization_id)
    return {row["id"]: custom_field_of(row) for row in rows}


async def read_slugs(runs: Runs, *stored: Mapping[str, Any]) -> dict[str, str]:
    """The slug of every field, deleted ones too, that some stored data has a value of, by id as in the data.

    One statement for any number of data, none if all are empty. Made for `boreal.core.custom_fields.shown`.
    """
    ids = {id for data in stored for id in data}
    if not ids:
        return {}
    return {str(row["id"]): row["slug"] for row in await runs.fetch(_SLUGS, ids=[UUID(id) for id in sorted(ids)])}
