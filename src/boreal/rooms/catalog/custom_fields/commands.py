"""Making, changing and deleting custom fields (catalog spec 3.2)."""

import uuid
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from asyncpg import UniqueViolationError

from boreal.core.custom_fields import CustomField
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.rooms.catalog.custom_fields import queries
from boreal.rooms.catalog.custom_fields.queries import custom_field_of
from boreal.rooms.catalog.custom_fields.schemas import CustomFieldCreate, CustomFieldUpdate
from boreal.rooms.catalog.custom_fields.tables import CustomFieldRow, ProductCustomFieldRow
from boreal.rooms.platform.public import organization_of

C = CustomFieldRow.c

_COLUMNS = ("slug", "name", "properties", "metadata")
_INSERT = CustomFieldRow.insert().returning(CustomFieldRow)
_UPDATE = (
    sa.update(CustomFieldRow)
    .where(C.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name, type_=C[name].type) for name in (*_COLUMNS, "modified_at")})
    .returning(CustomFieldRow)
)
_DELETE = sa.update(CustomFieldRow).where(C.id == sa.bindparam("key")).values(deleted_at=sa.bindparam("now"))
_DETACH = sa.delete(ProductCustomFieldRow).where(ProductCustomFieldRow.c.custom_field_id == sa.bindparam("key"))


async def create(app: App, actor: Actor, body: CustomFieldCreate) -> CustomField:
    """A new field. Raises `Invalid` if a live field of the organization has its slug."""
    organization_id = organization_of(actor, body.organization_id)
    try:
        async with app.transaction(organization_id) as tx:
            row = await tx.fetchrow(
                _INSERT,
                id=uuid.uuid4(),
                created_at=tx.now,
                modified_at=None,
                deleted_at=None,
                organization_id=organization_id,
                type=body.type,
                slug=body.slug,
                name=body.name,
                properties=_plain(body.properties),
                metadata=body.metadata,
            )
    except UniqueViolationError as violation:
        raise _taken(violation, body.slug) from None
    assert row is not None
    return custom_field_of(row)


async def update(app: App, actor: Actor, *, id: UUID, body: CustomFieldUpdate) -> CustomField:
    """Changes what the body names, nulls excepted. Raises `ResourceNotFound`, or `Invalid` for type or slug."""
    organization_id = await _organization_of_field(app, actor, id)
    try:
        async with app.transaction(organization_id) as tx:
            before = await read_visible(tx, queries.LOCK, actor, id)
            if body.type != before["type"]:
                raise Invalid(Fault(("body", "type"), "The type of a custom field can't be changed.", input=body.type))
            values = {name: before[name] for name in _COLUMNS} | _changes(body)
            row = await tx.fetchrow(_UPDATE, key=id, modified_at=tx.now, **values)
    except UniqueViolationError as violation:
        raise _taken(violation, body.slug) from None
    assert row is not None
    return custom_field_of(row)


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Frees the slug and detaches the field from all products. Raises `ResourceNotFound`."""
    organization_id = await _organization_of_field(app, actor, id)
    async with app.transaction(organization_id) as tx:
        if await tx.fetchrow(queries.LOCK, id=id, **actor.binds()) is None:
            raise ResourceNotFound
        await tx.execute(_DELETE, key=id, now=tx.now)
        await tx.execute(_DETACH, key=id)


async def _organization_of_field(app: App, actor: Actor, id: UUID) -> UUID:
    found = await queries.find(app.database, actor, id)
    if found is None:
        raise ResourceNotFound
    return found.organization_id


def _plain(properties: Any) -> dict[str, Any]:
    """Properties as they are stored: options are objects of their own in the body."""
    options = {"options": [option.model_dump() for option in properties["options"]]} if "options" in properties else {}
    return {**properties, **options}


def _changes(body: CustomFieldUpdate) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: getattr(body, name) for name in ("slug", "name") if getattr(body, name) is not None
    }
    if body.properties is not None:
        changes["properties"] = _plain(body.properties)
    if "metadata" in body.model_fields_set:
        changes["metadata"] = body.metadata
    return changes


def _taken(violation: UniqueViolationError, slug: str | None) -> Exception:
    if violation.constraint_name != "uq_custom_fields_slug":
        return violation
    return Invalid(Fault(("body", "slug"), "Custom field with this slug already exists.", input=slug))
