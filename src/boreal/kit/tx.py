"""Transactions: state, facts and work become true together, or not at all.

    async with app.transaction(organization_id) as tx:
        order = await tx.lock(Order, order_id)
        await tx.save(order, replace(order, status=OrderStatus.paid))
        tx.enqueue("send_order_mail", payload={"order_id": order.id})

`tx.save` is the only way to write a noun that has a lifecycle: it refuses a transition that the noun's map does not
allow, and records the facts that the change means. Nothing outside the database happens in here; what must happen
outside is a row of work that a worker takes after the commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar, get_args, get_type_hints
from uuid import UUID

import sqlalchemy as sa
from asyncpg import LockNotAvailableError
from sqlalchemy.dialects.postgresql import insert

from boreal.kit import facts, work
from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database, Record
from boreal.kit.idempotency import mark_effect
from boreal.kit.telemetry import current_trace
from boreal.kit.times import OrganizationClock, OrganizationTimes


class Identified(Protocol):
    """What every record has."""

    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=Identified)


class IllegalTransition(Exception):
    """A status change that the noun's lifecycle does not allow: a defect of the caller, never a user's mistake."""


class Locked(Exception):
    """Someone else holds the row."""


class NotStored(Exception):
    """The record to change is not in the database: a defect of the caller."""


Note = tuple[str, UUID | None, Mapping[str, Any]]
"""A name, whom it is about, and more: what an organization's own record of events will tell."""


@dataclass(frozen=True)
class Noun:
    """How one kind of record is stored, which facts its changes mean, and which status may follow which.

    The record is a frozen dataclass whose fields are columns of the table. `transitions` maps a status to the
    statuses that may follow it; None maps to those it may be born with. `notes` are what a change tells beside its
    facts; see `Tx.note`.
    """

    name: str
    record: type[Any]
    table: sa.Table
    facts: Callable[[Any, Any], tuple[str, ...]] = lambda before, after: ()
    transitions: Mapping[str | None, frozenset[str]] | None = None
    notes: Callable[[Any, Any], Sequence["Note"]] = lambda before, after: ()

    def check(self, before: Any, after: Any) -> None:
        """Raises `IllegalTransition` for a status that may not follow."""
        if self.transitions is None:
            return
        was = before.status if before is not None else None
        if was != after.status and after.status not in self.transitions.get(was, frozenset()):
            raise IllegalTransition(f"{self.name} {after.id}: {was} -> {after.status}")


class _Storage:
    """The statements of one noun, built once."""

    def __init__(self, noun: Noun) -> None:
        self.noun = noun
        self.names = tuple(field.name for field in fields(noun.record))
        hints = get_type_hints(noun.record)
        self.enums = {name: enum for name, hint in hints.items() if (enum := _enum_of(hint)) is not None}
        table = noun.table
        columns = [table.c[name] for name in self.names]
        chosen = sa.select(*columns).where(table.c.id == sa.bindparam("id"))
        self.select = chosen
        # A key never changes, so that rows which refer to this one may be inserted meanwhile: FOR NO KEY UPDATE.
        self.select_for_update = chosen.with_for_update(key_share=True)
        self.select_for_update_nowait = chosen.with_for_update(key_share=True, nowait=True)
        self.insert = insert(table).values({name: sa.bindparam(name, type_=table.c[name].type) for name in self.names})
        self.insert_unless_taken = self.insert.on_conflict_do_nothing()
        self._updates: dict[tuple[str, ...], sa.Update] = {}

    def update(self, changed: tuple[str, ...]) -> sa.Update:
        known = self._updates.get(changed)
        if known is None:
            table = self.noun.table
            values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in changed}
            known = self._updates[changed] = sa.update(table).where(table.c.id == sa.bindparam("key")).values(values)
        return known

    def load(self, row: Record) -> Any:
        values = {name: row[name] for name in self.names}
        for name, enum in self.enums.items():
            if values[name] is not None:
                values[name] = enum(values[name])
        return self.noun.record(**values)


def _enum_of(hint: Any) -> type[StrEnum] | None:
    """The enumeration of a field such as `status: OrderStatus` or `interval: TrialInterval | None`."""
    candidates = get_args(hint) or (hint,)
    return next((item for item in candidates if isinstance(item, type) and issubclass(item, StrEnum)), None)


class Nouns:
    """All nouns of the installation, found by record type."""

    def __init__(self, nouns: Sequence[Noun]) -> None:
        self._by_record = {noun.record: _Storage(noun) for noun in nouns}

    def of(self, record: type[Any]) -> _Storage:
        return self._by_record[record]

    def load(self, record: type[R], row: Record) -> R:
        """The record that a row of its table holds."""
        loaded: R = self._by_record[record].load(row)
        return loaded


class Tx:
    """One open transaction of one organization.

    `now` is the organization's time and stands still within it. `real_now` is that of the world, for what expires
    there, such as a token; they differ only where the organization has a test clock.
    """

    def __init__(
        self,
        connection: Connection,
        engine: "Transactions",
        organization_id: UUID,
        clocks: Mapping[UUID, OrganizationClock],
    ) -> None:
        self.connection = connection
        self.organization_id = organization_id
        self.real_now = engine.clock.now()
        self.now = clocks[organization_id].time if clocks else self.real_now
        self._engine = engine
        self._clocks = clocks
        self._facts: list[facts.Fact] = []
        self._notes: list[Note] = []
        self._listeners: facts.Listeners | None = None
        self._work: list[work.Request] = []
        self._after: list[Callable[[], Awaitable[None] | None]] = []

    async def fetch(self, statement: sa.sql.base.Executable, **binds: Any) -> list[Record]:
        """All rows."""
        return await self.connection.fetch(statement, **binds)

    async def fetchrow(self, statement: sa.sql.base.Executable, **binds: Any) -> Record | None:
        """The first row, or None."""
        return await self.connection.fetchrow(statement, **binds)

    async def fetchval(self, statement: sa.sql.base.Executable, **binds: Any) -> Any:
        """The first value, or None."""
        return await self.connection.fetchval(statement, **binds)

    async def execute(self, statement: sa.sql.base.Executable, **binds: Any) -> str:
        """Runs a statement for rows that have no lifecycle."""
        return await self.connection.execute(statement, **binds)

    async def execute_many(self, statement: sa.sql.base.Executable, rows: Sequence[dict[str, Any]]) -> None:
        """The same statement for each row."""
        await self.connection.execute_many(statement, rows)

    async def load(self, record: type[R], id: UUID) -> R | None:
        """The record as it is, unlocked; None if there is none."""
        storage = self._engine.nouns.of(record)
        row = await self.connection.fetchrow(storage.select, id=id)
        return storage.load(row) if row else None

    async def lock(self, record: type[R], id: UUID, *, wait: bool = True) -> R | None:
        """The record, locked until the end of the transaction. With `wait=False` a busy row raises `Locked`."""
        storage = self._engine.nouns.of(record)
        statement = storage.select_for_update if wait else storage.select_for_update_nowait
        try:
            row = await self.connection.fetchrow(statement, id=id)
        except LockNotAvailableError as busy:
            raise Locked(f"{storage.noun.name} {id}") from busy
        return storage.load(row) if row else None

    async def save(
        self,
        before: R | None,
        after: R,
        *,
        also: tuple[str, ...] = (),
        details: Mapping[str, Any] | None = None,
    ) -> R:
        """Stores a record (None before: a new one) and records what the change means.

        `also` adds facts that the values alone cannot tell; they follow those of `facts(before, after)`. Only columns
        that changed are written. Raises `IllegalTransition` and `NotStored`. The database's own constraints raise what
        the driver raises.
        """
        storage = self._engine.nouns.of(type(after))
        storage.noun.check(before, after)
        if before is None:
            await self.connection.execute(storage.insert, **{name: getattr(after, name) for name in storage.names})
        else:
            changed = tuple(name for name in storage.names if getattr(before, name) != getattr(after, name))
            if changed:
                binds = {f"new_{name}": getattr(after, name) for name in changed}
                done = await self.connection.execute(storage.update(changed), key=before.id, **binds)
                if done != "UPDATE 1":
                    raise NotStored(f"{storage.noun.name} {before.id}")
        self._tell(storage.noun, before, after, also, details or {})
        return after

    async def save_unless_taken(self, new: R) -> R | None:
        """Stores a new record as `save` does; None, and nothing happens, if a unique constraint stands in its way."""
        storage = self._engine.nouns.of(type(new))
        storage.noun.check(None, new)
        values = {name: getattr(new, name) for name in storage.names}
        if await self.connection.execute(storage.insert_unless_taken, **values) != "INSERT 0 1":
            return None
        self._tell(storage.noun, None, new, (), {})
        return new

    def _tell(self, noun: Noun, before: Any, after: Any, also: tuple[str, ...], details: Mapping[str, Any]) -> None:
        told = noun.facts(before, after) + also
        self._facts += [facts.Fact(name, noun.name, after.id, details) for name in told]
        if told:
            self._notes += noun.notes(before, after)

    def note(self, *notes: Note) -> None:
        """Has something written down beside the facts, which carry it: there has to be one before the next `flush`.

        Whoever keeps the record takes notes off the facts after the commit (`Room.recorders`).
        """
        self._notes += notes

    def announce(
        self, name: str, *, subject_kind: str, subject_id: UUID, details: Mapping[str, Any] | None = None
    ) -> None:
        """Records a fact about something that is not one stored noun, such as `customer.state_changed`."""
        self._facts.append(facts.Fact(name, subject_kind, subject_id, details or {}))

    def enqueue(
        self,
        kind: str,
        *,
        payload: Mapping[str, Any] | None = None,
        due_at: datetime | None = None,
        unique_key: str | None = None,
        sooner: bool = False,
    ) -> None:
        """Asks for work after the commit, at once or not before `due_at`; see `kit.work` for keys and `sooner`."""
        self._work.append(work.Request(kind, self.organization_id, payload or {}, due_at, unique_key, sooner))

    def after_commit(self, action: Callable[[], Awaitable[None] | None]) -> None:
        """Runs `action` in this process once committed; only for what may be lost, such as a cache or a wake-up."""
        self._after.append(action)

    async def flush(self) -> None:
        """Stores the facts and the work so far; payloads show the state at this point."""
        assert self._facts or not self._notes, "there is no fact that could carry the notes"
        if self._facts:
            if self._listeners is None:
                self._listeners = await self._engine.interest(self.connection, self.organization_id)
            await facts.record(
                self.connection,
                self._facts,
                organization_id=self.organization_id,
                occurred_at=self.now,
                listeners=self._listeners,
                renderers=self._engine.renderers,
                trace=current_trace(),
                notes=self._notes,
            )
            self._facts, self._notes = [], []
            self.connection.concerns.add(work.DISPATCH)
        if self._work:
            await work.enqueue(
                self.connection,
                self._work,
                kinds=self._engine.kinds,
                now=self.real_now,
                trace=current_trace(),
                clocks=self._clocks,
            )
            self._work = []

    async def finish(self) -> None:
        """Wakes whom the commit concerns, and runs what was asked for after it."""
        self._engine.wakeups.wake(self.connection.concerns)
        for action in self._after:
            result = action()
            if result is not None:
                await result


class Transactions:
    """Opens transactions; knows every noun, renderer and kind of work. One per process, made by `main`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        nouns: Nouns,
        renderers: facts.Renderers,
        interest: facts.Interest,
        kinds: Mapping[str, work.Kind],
        wakeups: work.Wakeups,
    ) -> None:
        self.database = database
        self.clock = clock
        self.times = OrganizationTimes(database, clock)
        self.nouns = nouns
        self.renderers = renderers
        self.interest = interest
        self.kinds = kinds
        self.wakeups = wakeups

    @asynccontextmanager
    async def begin(self, organization_id: UUID) -> AsyncIterator[Tx]:
        """A transaction for one organization, committed at the end, rolled back by any exception."""
        async with self.database.transaction() as connection:
            tx = Tx(connection, self, organization_id, await self.times.clocks_of(connection, (organization_id,)))
            yield tx
            await tx.flush()
            await mark_effect(connection, now=self.clock.now())
        await tx.finish()
