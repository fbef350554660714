"""Benefits as the wire shows them (usage spec 8.2)."""

from typing import Any
from uuid import UUID

from boreal.core.benefits import Benefit
from boreal.kit.db import Connection
from boreal.rooms.catalog.benefits.queries import read


def render_public(benefit: Benefit) -> dict[str, Any]:
    """A benefit as buyers see it (contract `BenefitPublic`)."""
    return {
        "id": benefit.id,
        "created_at": benefit.created_at,
        "modified_at": benefit.modified_at,
        "type": benefit.type,
        "description": benefit.description,
        "selectable": benefit.selectable,
        "deletable": benefit.deletable,
        "organization_id": benefit.organization_id,
    }


def render(benefit: Benefit) -> dict[str, Any]:
    """A benefit as its merchant sees it (contract `Benefit`)."""
    return {**render_public(benefit), "metadata": benefit.metadata, "properties": benefit.properties}


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the benefit events, also of a deleted benefit."""
    return render((await read(connection, [id]))[id])
