"""Labels of customers and roles of their members (usage spec 12.1, 14)."""

from enum import StrEnum


class CustomerType(StrEnum):
    """A label that restricts nothing; none means individual (usage spec 12.1)."""

    INDIVIDUAL = "individual"
    TEAM = "team"


class MemberRole(StrEnum):
    """What a member of a customer may do; each customer has exactly one owner (usage spec 14)."""

    OWNER = "owner"
    BILLING_MANAGER = "billing_manager"
    MEMBER = "member"
