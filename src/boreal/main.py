"""The composition root: the one module that knows every room, every surface and every adapter.

`compose` puts a process together from settings, a database and a clock; the command line and the tests both call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database, Record
from boreal.kit.facts import Dispatcher, Renderers
from boreal.kit.fetch import Fetch
from boreal.kit.ratelimit import Limiter
from boreal.kit.room import Room
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings
from boreal.kit.tx import Nouns, Transactions
from boreal.kit.work import Kind, Request, Wakeups, enqueue
from boreal.providers.mail.capture import MailCapture
from boreal.providers.mail.smtp import SmtpMail
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.ports import CardForm, MailBox, MailSender, PaymentProcessor, TaxQuotes
from boreal.providers.tax.untaxed import Untaxed
from boreal.rooms.billing.room import room as billing_room
from boreal.rooms.catalog.room import room as catalog_room
from boreal.rooms.checkout.public import hear_processor
from boreal.rooms.checkout.room import room as checkout_room
from boreal.rooms.customers.room import room as customers_room
from boreal.rooms.entitlements.room import room as entitlements_room
from boreal.rooms.platform.public import fan_out, interest
from boreal.rooms.platform.room import room as platform_room
from boreal.surfaces import document
from boreal.surfaces.http import HttpApp

ROOMS: tuple[Room, ...] = (platform_room, customers_room, catalog_room, billing_room, entitlements_room, checkout_room)


@dataclass
class Boreal:
    """One composed process: the app for commands, the HTTP surface, and the dispatcher of facts."""

    app: App
    http: HttpApp
    dispatcher: Dispatcher

    async def close(self) -> None:
        """Closes what `compose` opened; the database is the caller's."""
        await self.app.get(Fetch).close()


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
        renderers=Renderers(
            _merged(mapping for room in ROOMS for mapping in (room.renderers, room.renderers_with(settings)))
        ),
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
    app.adapters.update({**_adapters(app), **(adapters or {})})
    http = HttpApp(
        app,
        routers=[routes.router for room in ROOMS for routes in room.routes],
        limiter=Limiter(clock, per_minute=settings.rate_limit_per_minute),
    )
    return Boreal(app, http, Dispatcher(database, fan_out=fan_out, react=_reactions(kinds)))


def _adapters(app: App) -> dict[type[Any], Any]:
    """The outside world, as the settings choose it."""
    settings = app.settings
    box = MailCapture(app.database, clock=app.clock)
    smtp = SmtpMail.from_url(settings.smtp_url) if settings.mail == "smtp" and settings.smtp_url else None
    processor = SandboxProcessor(app.database, clock=app.clock, pepper=app.keyring.derive("card fingerprints"))
    processor.listen(partial(hear_processor, app))
    return {
        MailSender: smtp or box,
        MailBox: box,
        PaymentProcessor: processor,
        CardForm: processor,
        TaxQuotes: Untaxed(),
        Fetch: Fetch(allowed_hosts=settings.webhook_allowed_hosts),
    }


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
