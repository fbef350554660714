"""Who of a customer's members may see and change what is billed (orders spec 3.3)."""

from boreal.core.customers import MemberRole
from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import NotPermitted

BILLING_ROLES = frozenset({MemberRole.OWNER, MemberRole.BILLING_MANAGER})


def require_billing_role(actor: Actor) -> None:
    """Raises `NotPermitted` for a member without a billing role; a customer's own session has every right."""
    if actor.kind is Subject.member and actor.member_role not in BILLING_ROLES:
        raise NotPermitted("Only owners and billing managers can access billing features.")
