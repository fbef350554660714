"""What buyers answer to custom fields: checked by the fields of the product, stored by id, shown by slug."""

from collections.abc import Mapping, Sequence
from typing import Any

from boreal.core.custom_fields import AttachedField, merged, validated
from boreal.kit.problems import Fault


def validate(
    fields: Sequence[AttachedField], data: Mapping[str, Any], *, stored: Mapping[str, Any], required: bool
) -> tuple[dict[str, Any], list[Fault]]:
    """What to store of `data`, and a fault at `body.custom_field_data.SLUG` for each value that will not do.

    `data` is by slug; for what it does not name, what is `stored` already (by field id) counts. `required` says whether
    required fields must have a value: only at confirmation (catalog spec 3.3, 6.10).
    """
    values, found = validated(fields, merged(fields, stored, data), required=required)
    return values, [Fault(fault.loc, fault.msg, fault.type, fault.input) for fault in found]
