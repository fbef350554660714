"""Which organization a new object belongs to (platform spec 1.6)."""

from uuid import UUID

from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import Fault, Invalid

_LOC = ("body", "organization_id")


def organization_of(actor: Actor, given: UUID | None) -> UUID:
    """The organization for a create request; raises `Invalid` at `body.organization_id`.

    An organization's token must not name one, a user must name one of their own.
    """
    if actor.kind is Subject.organization:
        if given is not None:
            words = "Setting organization_id is disallowed when using an organization token."
            raise Invalid(Fault(_LOC, words, "organization_token", str(given)))
        return actor.organization_id
    if given is None:
        raise Invalid(Fault(_LOC, "organization_id is required.", "missing"))
    if given not in actor.organization_ids:
        raise Invalid(Fault(_LOC, "Organization not found.", "value_error", str(given)))
    return given
