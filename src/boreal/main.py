"""The composition root: the one module that knows every room, every surface and every adapter.

`compose` puts a process together from settings, a database and a clock; the command line and the tests both call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database, Record
from boreal.kit.facts import Dispatcher, Renderers
from boreal.kit.ratelimit import Limiter
from boreal.kit.room import Room
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings
from boreal.kit.tx import Nouns, Transactions
from boreal.kit.work import Kind, Request, Wakeups, enqueue
from boreal.rooms.catalog.room import room as catalog_room
from boreal.rooms.platform.room import room as platform_room
from boreal.surfaces import document
from boreal.surfaces.http import HttpApp

ROOMS: tuple[Room, ...] = (platform_room, catalog_room)


@dataclass
class Boreal:
    """One composed process: the app for commands, the HTTP surface, and the dispatcher of facts."""

    app: App
    http: HttpApp
    dispatcher: Dispatcher

    async def close(self) -> None:
        """Closes what `compose` opened; the database is the caller's."""


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document of all rooms."""
    routes = [resource for room in ROOMS for resource in room.routes]
    return document.openapi(routes, _merged(room.payload_schemas for room in ROOMS))


def compose(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    keyring: Keyring,
    adapters: Mapping[type[Any], Any] | None = None,
) -> Boreal:
    """Wires the rooms to a database. `adapters` replaces the outside world that the settings would choose."""
    kinds = _merged(room.kinds for room in ROOMS)
    wakeups = Wakeups()
    transactions = Transactions(
        database,
        clock,
        nouns=Nouns([noun for room in ROOMS for noun in room.nouns]),
        renderers=Renderers(_merged(room.renderers for room in ROOMS)),
        interest=interest,
        kinds=kinds,
        wakeups=wakeups,
    )
    resolvers = {prefix: make(database) for room in ROOMS for prefix, make in room.resolvers.items()}
    app = App(
        settings=settings,
        database=database,
        clock=clock,
        keyring=keyring,
        transactions=transactions,
        authenticator=Authenticator(keyring, clock, resolvers),
        wakeups=wakeups,
        kinds=kinds,
    )
    app.adapters.update(adapters or {})
    http = HttpApp(
        app,
        routers=[routes.router for room in ROOMS for routes in room.routes],
        limiter=Limiter(clock, per_minute=settings.rate_limit_per_minute),
    )
    return Boreal(app, http, Dispatcher(database, fan_out=fan_out, react=_reactions(kinds)))


async def interest(connection: Connection, organization_id: Any) -> list[Any]:
    """Nobody listens yet."""
    return []


async def fan_out(connection: Connection, facts: Any, now: datetime) -> None:
    """Nothing to deliver yet."""


def _merged(parts: Any) -> dict[str, Any]:
    """One mapping of many; a name that two rooms declare is a defect found at start."""
    merged: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if name in merged:
                raise ValueError(f"{name} is declared by two rooms")
            merged[name] = value
    return merged


def _reactions(kinds: Mapping[str, Kind]) -> Any:
    """Turns dispatched facts into the work that the rooms' manifests name for them."""
    wanted: dict[str, list[str]] = {}
    for room in ROOMS:
        for fact, names in room.reactions.items():
            wanted.setdefault(fact, []).extend(names)

    async def react(connection: Connection, facts: list[Record], now: datetime) -> None:
        for fact in facts:
            requests = [
                Request(
                    kind,
                    fact["organization_id"],
                    {"fact": fact["name"], "subject_id": str(fact["subject_id"]), **fact["details"]},
                )
                for kind in wanted.get(fact["name"], ())
            ]
            if requests:
                await enqueue(connection, requests, kinds=kinds, now=now, trace=fact["trace"])

    return react
