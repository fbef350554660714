"""Wire shapes of members, the people of a customer (usage spec 14)."""

from boreal.core.customers import MemberRole
from boreal.kit.schemas import UUID4, Identified, Timestamped


class Member(Identified, Timestamped):
    """One person who acts for a customer."""

    customer_id: UUID4
    email: str
    name: str | None
    external_id: str | None
    role: MemberRole
