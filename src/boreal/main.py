"""The composition root: the one module that knows every room, every surface and every adapter.

`compose` puts a process together from settings, a database and a clock; the command line and the tests both call it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.claims import take_back
from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database, Record
from boreal.kit.facts import Dispatcher, Renderers
from boreal.kit.fetch import Fetch
from boreal.kit.installation import claim
from boreal.kit.migrations import migrate
from boreal.kit.postgres import default_data_dir
from boreal.kit.ratelimit import Limiter
from boreal.kit.room import Room
from boreal.kit.routing import Routes
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings, SettingsError
from boreal.kit.times import REFRESH_S, OrganizationTimes
from boreal.kit.tx import Nouns, Transactions
from boreal.kit.work import NOBODY, Kind, Request, Wakeups, enqueue
from boreal.kit.worker import Worker
from boreal.providers.documents.typesetter import Typesetter
from boreal.providers.mail.capture import MailCapture
from boreal.providers.mail.smtp import SmtpMail
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.ports import (
    CardForm,
    DocumentPrinter,
    EventReader,
    MailBox,
    MailSender,
    PaymentProcessor,
    Storage,
    StorageDoor,
    TaxQuotes,
    TaxRecords,
)
from boreal.providers.storage.local import LocalStorage
from boreal.providers.tax.tables import TaxTables
from boreal.providers.tax.untaxed import Untaxed
from boreal.rooms.billing.room import room as billing_room
from boreal.rooms.catalog.room import room as catalog_room
from boreal.rooms.checkout.public import CheckoutStreams, hear_processor
from boreal.rooms.checkout.room import room as checkout_room
from boreal.rooms.customers.room import room as customers_room
from boreal.rooms.entitlements.room import room as entitlements_room
from boreal.rooms.finance.room import room as finance_room
from boreal.rooms.insights.room import room as insights_room
from boreal.rooms.platform.public import fan_out, interest, move_file_addresses, remember_token_use
from boreal.rooms.platform.room import room as platform_room
from boreal.rooms.usage.public import Checks, Ingestion
from boreal.rooms.usage.room import room as usage_room
from boreal.surfaces import document, system
from boreal.surfaces.cli.app import commands
from boreal.surfaces.cli.database import left_alone, running_database
from boreal.surfaces.cli.demo import SLUG as DEMO_SLUG
from boreal.surfaces.cli.running import CommandFailed
from boreal.surfaces.http import HttpApp
from boreal.surfaces.invoices import invoice_routes
from boreal.surfaces.metrics import Asgi, watched
from boreal.surfaces.pages.rendering import SiteSettings
from boreal.surfaces.pages.site import Site, page_routes
from boreal.surfaces.pages.sources import (
    ChallengeSource,
    CheckoutSource,
    HomeSource,
    MailSource,
    PortalSource,
    SeatSource,
)
from boreal.surfaces.stored import stored_routes

CLOSE_S = 0.3
"""How long statements that still run get when a process stops."""

ROOMS: tuple[Room, ...] = (
    platform_room,
    customers_room,
    usage_room,
    catalog_room,
    finance_room,
    billing_room,
    entitlements_room,
    checkout_room,
    insights_room,
)


@runtime_checkable
class Closing(Protocol):
    """An adapter that holds something open."""

    async def close(self) -> None:
        """Ends it; the adapter is not used afterwards."""


@dataclass
class Boreal:
    """One composed process: the app for commands, the HTTP surface, and the dispatcher of facts."""

    app: App
    http: HttpApp
    dispatcher: Dispatcher
    keep_running: Callable[[], Awaitable[None]] = left_alone
    """Restarts the embedded PostgreSQL, if this process has one and it dies, until cancelled."""

    @property
    def served(self) -> Asgi:
        """The HTTP surface, counted and logged as the settings say."""
        settings = self.app.settings
        metrics = self.app.metrics if settings.metrics != "off" else None
        return watched(self.http, metrics=metrics, logs=settings.log_level in ("debug", "info"))

    @property
    def operations(self) -> Asgi:
        """Health and metrics for a listener of their own."""
        return system.Operations(self.app)

    async def close(self) -> None:
        """Closes what `compose` opened; the database is the caller's."""
        for adapter in {id(adapter): adapter for adapter in self.app.adapters.values()}.values():
            if isinstance(adapter, Closing):
                await adapter.close()

    async def work(self) -> None:
        """Dispatches facts and does due work until cancelled.

        An embedded database has no other worker, so what a killed one had begun need not wait for the end of its lease.
        """
        if self.app.settings.database_url is None:
            await take_back(self.app.database, now=self.app.clock.now())
        await move_file_addresses(self.app.database, base_url=self.app.settings.url)
        async with self.app.transaction(NOBODY) as tx:
            for room in ROOMS:
                for kind in room.recurring:
                    tx.enqueue(kind, unique_key=kind)
        await Worker(self.app, self.dispatcher).run()

    async def check(self, room: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """The invariants (of one room) that do not hold, by room and name, each with the rows that break it."""
        return await broken_invariants(self.app.database, room)


async def broken_invariants(database: Database, only: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """The invariants (of one room) that do not hold, by room and name, each with the rows that break it.

    Raises `CommandFailed` if no room has that name.
    """
    rooms = [room for room in ROOMS if only in (None, room.name)]
    if not rooms:
        raise CommandFailed(f"there is no room {only}; rooms are {', '.join(room.name for room in ROOMS)}")
    broken = {}
    for room in rooms:
        for name, query in room.invariants.items():
            rows = await database.fetch(query)
            if rows:
                broken[f"{room.name}: {name}"] = [dict(row) for row in rows]
        for name, differences in room.verifications.items():
            found = await differences(database)
            if found:
                broken[f"{room.name}: {name}"] = [dict(row) for row in found]
    return broken


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document of all rooms."""
    return document.openapi(_room_routes(), _merged(room.payload_schemas for room in ROOMS))


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
        routers=[routes.router for routes in (*_system_routes(settings), *_room_routes())],
        pages=[
            *page_routes(_site(app)),
            *stored_routes(app, cast(StorageDoor | None, app.adapters.get(StorageDoor))),
            *invoice_routes(app),
        ],
        limiter=Limiter(clock, per_minute=settings.rate_limit_per_minute),
    )
    dispatcher = Dispatcher(database, fan_out=fan_out, react=_reactions(kinds, transactions.times), wake=wakeups.wake)
    app.dispatch = lambda: dispatcher.run_once(now=clock.now())
    return Boreal(app, http, dispatcher)


def _room_routes() -> list[Routes]:
    return [routes for room in ROOMS for routes in room.routes]


def _system_routes(settings: Settings) -> list[Routes]:
    optional = [system.sandbox_routes() if settings.payments == "sandbox" else system.processor_routes()]
    if settings.metrics == "on":
        optional.append(system.metrics_routes())
    return [system.routes, system.document_routes(openapi), *optional]


def _site(app: App) -> Site:
    """What stands behind the pages."""
    sandbox = app.settings.payments == "sandbox"
    return Site(
        settings=SiteSettings(sandbox=app.settings.is_sandbox),
        checkout=CheckoutSource(app),
        portal=PortalSource(app),
        seats=SeatSource(app),
        challenge=ChallengeSource(app) if sandbox else None,
        mail=MailSource(app.get(MailBox)) if app.settings.mail == "capture" else None,
        home=HomeSource(app, DEMO_SLUG),
    )


def _adapters(app: App) -> dict[type[Any], Any]:
    """The outside world, as the settings choose it."""
    settings = app.settings
    box = MailCapture(app.database, clock=app.clock)
    ingestion = Ingestion()
    smtp = SmtpMail.from_url(settings.smtp_url) if settings.mail == "smtp" and settings.smtp_url else None
    return {
        MailSender: smtp or box,
        MailBox: box,
        **_payments(app),
        **_taxes(settings),
        **_storage(app),
        DocumentPrinter: Typesetter(),
        Ingestion: ingestion,
        Checks: Checks(ingestion),
        Fetch: Fetch(allowed_hosts=settings.webhook_allowed_hosts),
        CheckoutStreams: CheckoutStreams(app.database, app.clock, app.wakeups),
    }


def _payments(app: App) -> dict[type[Any], Any]:
    """The payment processor: the sandbox with its card form and calls of ours, or Stripe with its signed events."""
    settings = app.settings
    if settings.payments == "stripe":
        assert settings.stripe_secret_key and settings.stripe_publishable_key and settings.stripe_webhook_secret
        stripe = import_module("boreal.providers.payments.stripe")  # its library is large
        api = stripe.StripeApi(settings.stripe_secret_key, url=settings.stripe_api_url)
        return {
            PaymentProcessor: stripe.StripeProcessor(api, publishable_key=settings.stripe_publishable_key),
            EventReader: stripe.StripeEvents(settings.stripe_webhook_secret),
        }
    sandbox = SandboxProcessor(app.database, clock=app.clock, pepper=app.keyring.derive("card fingerprints"))
    sandbox.listen(partial(hear_processor, app))
    return {PaymentProcessor: sandbox, CardForm: sandbox}


def _storage(app: App) -> dict[type[Any], Any]:
    """The place for files; a directory of ours also needs a door to it."""
    settings = app.settings
    if settings.storage == "s3":
        assert settings.s3_url and settings.s3_access_key_id and settings.s3_secret_access_key
        s3 = import_module("boreal.providers.storage.s3.store")  # its library is large
        credentials = s3.Credentials(settings.s3_access_key_id, settings.s3_secret_access_key, settings.s3_region)
        return {Storage: s3.S3Storage(settings.s3_url, credentials=credentials, clock=app.clock)}
    folder = settings.storage_dir or (settings.data_dir or default_data_dir()) / "files"
    secret = app.keyring.derive("signed addresses of files")
    local = LocalStorage(folder, base_url=settings.url, secret=secret, clock=app.clock)
    return {Storage: local, StorageDoor: local}


TAX_CALL_S = 6.0
"""How long somebody who types an address waits for the tax, at most."""


def _taxes(settings: Settings) -> dict[type[Any], Any]:
    """The source of taxes; a country or registration that it does not know is a `SettingsError`."""
    if settings.tax == "none":
        return {TaxQuotes: Untaxed()}
    if settings.tax == "stripe":
        assert settings.stripe_secret_key
        stripe = import_module("boreal.providers.tax.stripe")  # its library is large
        api = stripe.StripeApi(settings.stripe_secret_key, url=settings.stripe_api_url, call_s=TAX_CALL_S)
        taxes = stripe.StripeTaxes(api, is_sandbox=settings.is_sandbox)
        return {TaxQuotes: taxes, TaxRecords: taxes}
    try:
        tables = TaxTables(seller_country=settings.tax_seller_country, registrations=settings.tax_registrations)
        return {TaxQuotes: tables}
    except ValueError as wrong:
        raise SettingsError(f"BOREAL_TAX_SELLER_COUNTRY or BOREAL_TAX_REGISTRATIONS: {wrong}") from None


def _merged(parts: Any) -> dict[str, Any]:
    """One mapping of many; a name that two rooms declare is a defect found at start."""
    merged: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if name in merged:
                raise ValueError(f"{name} is declared by two rooms")
            merged[name] = value
    return merged


def _reactions(kinds: Mapping[str, Kind], times: OrganizationTimes) -> Any:
    """Turns dispatched facts into the work that the rooms' manifests name for them."""
    wanted: dict[str, list[str]] = {}
    for room in ROOMS:
        for fact, names in room.reactions.items():
            wanted.setdefault(fact, []).extend(names)
    recorders = [kind for room in ROOMS for kind in room.recorders]

    async def react(connection: Connection, facts: list[Record], now: datetime) -> None:
        clocks = await times.clocks_of(connection, {fact["organization_id"] for fact in facts})
        # What came of one request stands together.
        for trace, group in groupby(facts, key=lambda fact: fact["trace"]):
            together = list(group)
            noted = dict.fromkeys(fact["organization_id"] for fact in together if fact["notes"] is not None)
            requests = [Request(kind, id, unique_key=str(id)) for id in noted for kind in recorders]
            requests += [
                Request(
                    kind,
                    fact["organization_id"],
                    {"fact": fact["name"], "subject_id": str(fact["subject_id"]), **fact["details"]},
                )
                for fact in together
                for kind in wanted.get(fact["name"], ())
            ]
            if requests:
                await enqueue(connection, requests, kinds=kinds, now=now, trace=trace, clocks=clocks)

    return react


class Root:
    """The composition root as the command line uses it."""

    def data_dir(self, settings: Settings) -> Path:
        """Where this installation keeps its files."""
        return settings.data_dir or default_data_dir()

    def key_file(self, settings: Settings) -> Path:
        """Where this installation keeps its secret keys."""
        return settings.key_file or self.data_dir(settings) / "keys"

    @asynccontextmanager
    async def open(self, settings: Settings, *, share: bool = False) -> AsyncIterator[Boreal]:
        """A Boreal on a migrated database: the one that the settings name, or an embedded one, stopped at the end."""
        async with running_database(settings, self.data_dir(settings), share=share) as running:
            await migrate(running.dsn)
            database = await Database.connect(running.dsn, pool_size=settings.pool_size)
            try:
                used = await database.pool.fetchval("SELECT EXISTS (SELECT FROM organizations)")
                keyring = Keyring.open(self.key_file(settings), make=not used)
                await claim(database, keyring)
                boreal = compose(settings, database=database, clock=Clock(), keyring=keyring)
                boreal.app.times.settle_s = 2 * REFRESH_S
                await boreal.app.times.refresh()
                try:
                    yield replace(boreal, keep_running=running.keep_running)
                finally:
                    await boreal.close()
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):  # what still runs then is cut off
                        await database.close()

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return openapi()

    async def upkeep(self, app: App) -> None:
        """Writes down when tokens were last used."""
        await remember_token_use(app.database, app.authenticator.take_used())


def cli() -> None:
    """The `boreal` command."""
    commands(Root())()
