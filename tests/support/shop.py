"""A shop for tests: a composed Boreal on a database of its own, an organization, its token, and time in our hands."""

import atexit
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

import httpx2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.scopes import AvailableScope
from boreal.kit.app import App
from boreal.kit.clock import ManualClock
from boreal.kit.db import Database
from boreal.kit.facts import FactRow
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings
from boreal.kit.worker import drain
from boreal.main import Boreal, broken_invariants, compose
from boreal.rooms.platform.organizations import commands as organizations
from boreal.rooms.platform.tokens import commands as tokens
from tests.support.contract import validate_response

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
FILES = Path(mkdtemp(prefix="boreal-files-"))
"""What tests upload; gone when they are over."""
atexit.register(rmtree, FILES, ignore_errors=True)
KEYRING = Keyring({"test": b"k" * 32})

_FACTS = (
    sa.select(FactRow.c.id, FactRow.c.name)
    .where(FactRow.c.organization_id == sa.bindparam("organization_id"), FactRow.c.id > sa.bindparam("after"))
    .order_by(FactRow.c.id)
)


@dataclass
class Shop:
    """One organization of one Boreal. `client` carries its token; requests go through the whole HTTP surface."""

    boreal: Boreal
    clock: ManualClock
    organization_id: UUID
    token: str
    client: httpx2.AsyncClient
    _looked: int = field(default=0)

    @property
    def app(self) -> App:
        """The composed app."""
        return self.boreal.app

    async def settle(self) -> int:
        """Dispatches facts and does everything that is due now; returns the rows of work done."""
        return await drain(self.app, self.boreal.dispatcher)

    async def advance(self, **by: float) -> None:
        """Moves time on, one due row of work after the other: `await shop.advance(days=31)`."""
        end = self.clock.now() + timedelta(**by)
        await self.settle()
        while True:
            due_at = await self.app.database.fetchval(_NEXT)
            if due_at is None or due_at > end:
                break
            self.clock.set(max(due_at, self.clock.now()))
            await self.settle()
        self.clock.set(end)
        await self.settle()

    async def facts(self) -> list[str]:
        """The names of the facts since the last look, in order."""
        rows = await self.app.database.fetch(_FACTS, organization_id=self.organization_id, after=self._looked)
        if rows:
            self._looked = rows[-1]["id"]
        return [row["name"] for row in rows]

    async def saw(self, *names: str) -> None:
        """Asserts that exactly these facts happened since the last look, in this order."""
        assert await self.facts() == list(names)

    async def check(self) -> None:
        """Asserts that every room's invariants hold."""
        assert await broken_invariants(self.app.database) == {}


_NO_MAILS = sa.text(
    """
    UPDATE organizations SET customer_email_settings = (
        SELECT jsonb_object_agg(key, false) FROM jsonb_each(customer_email_settings))
    WHERE id = :id
    """
).bindparams(sa.bindparam("id", type_=PgUUID))
_NEXT = sa.text("SELECT min(due_at) FROM work WHERE failed_at IS NULL AND NOT on_clock")


def settings(**values: Any) -> Settings:
    """Settings for tests: sandbox, no rate limits, local webhook targets allowed."""
    defaults: dict[str, Any] = {
        "base_url": "http://boreal.test",
        "rate_limit_per_minute": 0,
        "webhook_allowed_hosts": ("127.0.0.1", "localhost"),
        "log_level": "warning",
        "storage_dir": FILES,
    }
    return Settings(**{**defaults, **values})


def client_of(boreal: Boreal, token: str | None) -> httpx2.AsyncClient:
    """A client of the composed app; every reply is held against the OpenAPI document."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=boreal.http),
        base_url="http://boreal.test",
        headers=headers,
        event_hooks={"response": [validate_response]},
    )


@asynccontextmanager
async def open_shop(
    dsn: str,
    *,
    database: Database | None = None,
    adapters: Mapping[type[Any], Any] | None = None,
    left: Shop | None = None,
    **values: Any,
) -> AsyncIterator[Shop]:
    """Composes a Boreal on a database, with a pool of its own or one that stays open, and opens a shop in it.

    `left` is a shop that was open on this database, or on the one that it is a copy of: it is open again, at its time.
    """
    pool = database or await Database.connect(dsn, pool_size=8)
    clock = ManualClock(left.clock.now() if left else START)
    boreal = compose(settings(**values), database=pool, clock=clock, keyring=KEYRING, adapters=adapters)
    try:
        if left is None:
            yield await found_shop(boreal, clock, slug="acme")
        else:
            yield Shop(boreal, clock, left.organization_id, left.token, client_of(boreal, left.token), left._looked)
    finally:
        await boreal.close()
        if database is None:
            await pool.close()


async def found_shop(boreal: Boreal, clock: ManualClock, *, slug: str) -> Shop:
    """Another organization in the same Boreal, with a token that holds every scope.

    Its customers get no mail about what they buy, and so no invoice that nobody asked for (`send_mails`).
    """
    organization = await organizations.create(boreal.app, name=slug.title(), slug=slug, ready=True)
    await boreal.app.database.execute(_NO_MAILS, id=organization.id)
    _, token = await tokens.create(
        boreal.app, organization_id=organization.id, comment="tests", scopes=[scope.value for scope in AvailableScope]
    )
    return Shop(boreal, clock, organization.id, token, client_of(boreal, token))
