"""Wire shapes of organization access tokens (platform spec 2.4)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from boreal.core.scopes import AvailableScope, Scope
from boreal.kit.schemas import UUID4, Identified, PositiveDuration, Schema, Timestamped

Scopes = Annotated[list[AvailableScope], Field(min_length=1)]
"""What a token may do: at least one scope (correction 23)."""


class OrganizationAccessToken(Identified, Timestamped):
    """An access token without its secret; the time of its last use may lag."""

    scopes: list[Scope]
    expires_at: datetime | None
    comment: str
    last_used_at: datetime | None
    organization_id: UUID4


class OrganizationAccessTokenCreate(Schema):
    """A new token; without `expires_in` it never expires."""

    organization_id: UUID4 | None = None
    comment: str
    expires_in: PositiveDuration | None = None
    scopes: Scopes


class OrganizationAccessTokenUpdate(Schema):
    """Changes of a token; its expiry cannot change."""

    comment: str | None = None
    scopes: Scopes | None = None


class OrganizationAccessTokenCreateResponse(Schema):
    """The new token with its secret, which is shown this once."""

    organization_access_token: OrganizationAccessToken
    token: str
