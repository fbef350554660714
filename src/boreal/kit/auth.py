"""Who is calling, what they may do, and which rows they may see (platform spec 2).

A bearer value becomes an `Actor` before routing; a bad one fails there, whatever the operation. Resolved tokens are
remembered in the process for at most a minute, forgotten at once when a revocation is heard, and not remembered at all
while nobody listens for revocations.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.clock import Clock
from boreal.kit.db import Record, Runs
from boreal.kit.problems import InsufficientScope, InvalidToken, ResourceNotFound, Unauthorized
from boreal.kit.secrets import Keyring


class Subject(StrEnum):
    """The kinds of subject that an operation may serve."""

    user = "User"
    organization = "Organization"
    customer = "Customer"
    member = "Member"
    anonymous = "Anonymous"


MERCHANT = frozenset({Subject.user, Subject.organization})
PORTAL = frozenset({Subject.customer, Subject.member})
PUBLIC = frozenset(Subject)
"""Everybody: operations whose path holds the credential, or that need none."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who calls. `organization_ids` are those whose rows they may see; a customer sees only their own rows."""

    kind: Subject
    scopes: frozenset[str] = frozenset()
    organization_ids: tuple[UUID, ...] = ()
    token_id: UUID | None = None
    user_id: UUID | None = None
    customer_id: UUID | None = None
    member_id: UUID | None = None
    member_role: str | None = None
    expires_at: datetime | None = None

    @property
    def organization_id(self) -> UUID:
        """The one organization of an organization token, customer or member."""
        (only,) = self.organization_ids
        return only

    def binds(self) -> dict[str, Any]:
        """The values for the predicates of `visible_to` and `owned_by`."""
        return {"actor_organization_ids": list(self.organization_ids), "actor_customer_id": self.customer_id}


ANONYMOUS = Actor(Subject.anonymous)

_ORGANIZATION_IDS = sa.bindparam("actor_organization_ids", type_=ARRAY(PgUUID))
_CUSTOMER_ID = sa.bindparam("actor_customer_id", type_=PgUUID)


def visible_to(organization_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The predicate from which every merchant's read starts; takes `actor.binds()`."""
    return organization_id == sa.func.any(_ORGANIZATION_IDS)


def owned_by(customer_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The predicate from which every read of the portal starts; takes `actor.binds()`."""
    return customer_id == _CUSTOMER_ID


async def read_visible(runs: Runs, statement: sa.Select[Any], actor: Actor, id: UUID) -> Record:
    """The row of an id, by a statement that starts from `visible_to` or `owned_by`. Raises `ResourceNotFound`."""
    row = await runs.fetchrow(statement, id=id, **actor.binds())
    if row is None:
        raise ResourceNotFound
    return row


def authorize(actor: Actor, *, audience: frozenset[Subject], scopes: Sequence[str]) -> Actor:
    """The actor as the operation sees them (platform spec 2.3).

    A kind of subject that the operation does not serve counts as nobody. Raises `Unauthorized` for nobody where nobody
    is not served, `InsufficientScope` when none of the acceptable scopes is held.
    """
    if actor.kind not in audience:
        actor = ANONYMOUS
    if actor.kind is Subject.anonymous:
        if Subject.anonymous not in audience:
            raise Unauthorized
        return actor
    if scopes and not any(scope in actor.scopes for scope in scopes):
        raise InsufficientScope(scopes)
    return actor


Resolver = Callable[[str], Awaitable[Actor | None]]
"""Finds the subject of a token by the token's hash."""


@dataclass
class Authenticator:
    """Turns the `Authorization` header into an `Actor`.

    `resolvers` maps a token prefix to the room's look-up; the one under "" takes every other value.
    """

    keyring: Keyring
    clock: Clock
    resolvers: Mapping[str, Resolver]
    max_age_s: float = 60.0
    max_size: int = 10_000
    listening: bool = False
    used: dict[UUID, datetime] = field(default_factory=dict)
    _known: dict[str, tuple[float, Actor]] = field(default_factory=dict)
    _revocations: int = 0

    CHANNEL = "boreal_tokens"

    async def authenticate(self, header: str | None) -> Actor:
        """The actor of an `Authorization` header; raises `InvalidToken` for a bearer value that is nobody's."""
        if header is None:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            return ANONYMOUS
        prefix = next((p for p in self.resolvers if p and token.startswith(p)), "")
        actor = await self._resolve(self.keyring.hash_token(token), self.resolvers[prefix])
        if actor.kind in MERCHANT and actor.token_id is not None:
            self.used[actor.token_id] = self.clock.now()
        return actor

    async def _resolve(self, token_hash: str, resolver: Resolver) -> Actor:
        known = self._known.get(token_hash)
        if known is not None and self.clock.monotonic_s() - known[0] < self.max_age_s:
            actor = known[1]
        else:
            began, revocations = self.clock.monotonic_s(), self._revocations
            found = await resolver(token_hash)
            if found is None:
                raise InvalidToken
            actor = found
            # What was read may be older than a revocation heard meanwhile: good for this request, not to be remembered.
            if self.listening and revocations == self._revocations:
                if len(self._known) >= self.max_size:
                    self._known.clear()
                self._known[token_hash] = (began, actor)
        if actor.expires_at is not None and actor.expires_at <= self.clock.now():
            raise InvalidToken
        return actor

    def forget(self, token_hash: str) -> None:
        """Forgets one token, or everything for `*`."""
        self._revocations += 1
        if token_hash == "*":
            self._known.clear()
        else:
            self._known.pop(token_hash, None)

    def hear(self, listening: bool) -> None:
        """Says whether revocations are being heard; what is remembered is dropped either way."""
        self.listening = listening
        self.forget("*")

    def take_used(self) -> dict[UUID, datetime]:
        """When merchants' tokens were last used, since the last call; the caller stores it."""
        used, self.used = self.used, {}
        return used


REVOKE = sa.text("SELECT pg_notify('boreal_tokens', :token_hash)")
"""To be run in the transaction that revokes; `*` for many."""
