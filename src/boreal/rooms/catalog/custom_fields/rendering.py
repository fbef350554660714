"""Custom fields as the wire shows them (catalog spec 3.1)."""

from collections.abc import Iterable
from typing import Any

from boreal.core.custom_fields import AttachedField, CustomField


def render(field: CustomField) -> dict[str, Any]:
    """A field (contract `CustomField`)."""
    return {
        "created_at": field.created_at,
        "modified_at": field.modified_at,
        "id": field.id,
        "metadata": field.metadata,
        "type": field.type,
        "slug": field.slug,
        "name": field.name,
        "organization_id": field.organization_id,
        "properties": field.properties,
    }


def render_attached(fields: Iterable[AttachedField]) -> list[dict[str, Any]]:
    """The fields of a product (contract `AttachedCustomField`)."""
    return [
        {
            "custom_field_id": attached.custom_field.id,
            "custom_field": render(attached.custom_field),
            "order": attached.order,
            "required": attached.required,
        }
        for attached in fields
    ]
