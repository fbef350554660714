"""One transaction that answers checks: of one request, or of several that came at the same time.

The usage rows of a customer are locked before its balance is read, in the order in which ingestion locks them, and the
event is counted before they are let go: whatever else is ingested comes before or after, so that what is allowed fits.
Credits need no lock: what is taken away from them at the same time might as well have been taken afterwards.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from asyncpg import DeadlockDetectedError

from boreal.core.allowances import Answer, Ask, answers
from boreal.core.events import subject_of
from boreal.kit.app import App
from boreal.kit.db import Connection
from boreal.kit.idempotency import mark_effect
from boreal.kit.problems import Fault
from boreal.rooms.usage.checks.requests import Check
from boreal.rooms.usage.customer_meters.balances import balances_of
from boreal.rooms.usage.ingestion import statements
from boreal.rooms.usage.ingestion.writing import Learned, Memory, MetersChanged, follow, meters_of, store

_FIND_CUSTOMERS = sa.text(
    """
    SELECT id, external_id FROM customers
    WHERE organization_id = :organization_id AND deleted_at IS NULL
        AND (id = ANY(CAST(:ids AS uuid[])) OR external_id = ANY(CAST(:external_ids AS text[])))
    """
)
_GENERATION = sa.text("SELECT generation FROM meter_generations WHERE organization_id = :organization_id")
_PAIRS = "unnest(CAST(:meter_ids AS uuid[]), CAST(:subjects AS uuid[])) AS wanted (meter_id, subject)"
_LOCK = sa.text(
    f"""
    SELECT known.meter_id, known.subject FROM meter_usage AS known
        JOIN {_PAIRS} ON known.meter_id = wanted.meter_id AND known.subject = wanted.subject
    ORDER BY 1, 2 FOR UPDATE OF known
    """  # noqa: S608  # made of constants
)
_BEGIN = sa.text(
    f"""
    INSERT INTO meter_usage AS known (meter_id, subject, from_seq, modified_at, count)
    SELECT wanted.meter_id, wanted.subject, 0, CAST(:now AS timestamptz), 0 FROM {_PAIRS} ORDER BY 1, 2
    ON CONFLICT (meter_id, subject) DO UPDATE SET count = known.count
    """  # noqa: S608  # made of constants
)
_GIVE_BACK = sa.text(
    "DELETE FROM event_keys WHERE organization_id = :organization_id AND key = ANY(CAST(:keys AS uuid[]))"
)

_BEGIN_METERS = sa.text(
    """
    INSERT INTO customer_meters (
        id, created_at, organization_id, customer_id, meter_id, window_seq, credited_units, plain_units, rollover_units)
    SELECT gen_random_uuid(), CAST(:now AS timestamptz), CAST(:organization_id AS uuid), wanted.customer_id,
        wanted.meter_id, -1, 0, 0, 0
    FROM unnest(CAST(:customer_ids AS uuid[]), CAST(:meter_ids AS uuid[])) AS wanted (customer_id, meter_id)
    ORDER BY 4, 5 ON CONFLICT (customer_id, meter_id) DO NOTHING
    """
)

Pair = tuple[UUID, UUID]
Balances = Mapping[Hashable, Decimal]
"""What is left, by customer and meter."""


class _CustomerGone(Exception):
    """Nothing was written: a customer was deleted meanwhile."""


async def settle_checks(app: App, memory: Memory, organization_id: UUID, checks: Sequence[Check]) -> None:
    """Answers the checks, or finds what is wrong with them.

    Once it returns, the events of those that were allowed are stored for good and every read sees them.
    """
    left = list(checks)
    while left:
        await _aim(app, memory, organization_id, left)
        left = [check for check in left if check.fault is None]
        try:
            await _settle(app, memory, organization_id, left)
            return
        except MetersChanged:
            memory.meters.pop(organization_id, None)
        except (DeadlockDetectedError, _CustomerGone):
            pass


async def _aim(app: App, memory: Memory, organization_id: UUID, checks: Sequence[Check]) -> None:
    """Aims by the meters that are remembered; what does not fit those is held against the newest."""
    for _ in range(2):
        meters = await meters_of(app, memory, organization_id)
        for check in checks:
            check.aim(meters)
        if not any(check.fault for check in checks):
            return
        memory.meters.pop(organization_id, None)
    await meters_of(app, memory, organization_id)


async def _settle(app: App, memory: Memory, organization_id: UUID, checks: Sequence[Check]) -> None:
    now = await app.times.now(organization_id)
    meters = memory.meters[organization_id]
    learned = Learned()
    async with app.database.transaction() as connection:
        subjects = await _find_customers(connection, organization_id, checks)
        right = [check for check in checks if check.fault is None]
        known = await _take_keys(connection, organization_id, right)
        await _lock(connection, right, subjects, now=now)
        wanted = [(_customer(check), check.asked.meter_id) for check in right]
        left = await _balances(connection, organization_id, wanted, now=now)
        given = answers(left, [_ask(check, left) for check in right], known=known)
        await _give_back(connection, organization_id, right, given)
        events = [
            check.event
            for check, answer in zip(right, given, strict=True)
            if check.event is not None and answer.allowed and not answer.repeated
        ]
        if events:
            await store(connection, memory, meters, organization_id, events, now=now, learned=learned)
            await follow(app, connection, memory, meters, organization_id, events, now=now, learned=learned)
        elif meters.generation != await connection.fetchval(_GENERATION, organization_id=organization_id):
            raise MetersChanged
        await mark_effect(connection, now=now)
    learned.keep(memory, generation=meters.generation)
    for check, answer in zip(right, given, strict=True):
        assert check.event is not None
        event_id = known.get(check.event.key, check.event.id) if check.event.key else check.event.id
        check.answer(allowed=answer.allowed, balance=answer.balance, event_id=event_id, duplicate=answer.repeated)


async def _balances(
    connection: Connection, organization_id: UUID, wanted: Sequence[Pair], *, now: datetime
) -> Balances:
    """What is left of each; a customer of whom nothing was known of a meter gets its customer meter."""
    if not wanted:
        return {}
    found = await balances_of(connection, wanted)
    missing = sorted(set(wanted) - {(one.customer_id, one.meter_id) for one in found})
    if missing:
        customer_ids, meter_ids = (list(ids) for ids in zip(*missing, strict=True))
        ids = {"customer_ids": customer_ids, "meter_ids": meter_ids}
        await connection.execute(_BEGIN_METERS, organization_id=organization_id, now=now, **ids)
        begun = await balances_of(connection, missing)
        if len(begun) < len(missing):
            raise _CustomerGone
        found += begun
    return {(one.customer_id, one.meter_id): one.balance for one in found}


def _customer(check: Check) -> UUID:
    assert check.customer_id is not None
    return check.customer_id


def _ask(check: Check, balances: Balances) -> Ask:
    """The ask of a check: its event takes from every balance of the customer whose meter counts it."""
    customer_id = _customer(check)
    adds = {(customer_id, meter_id): units for meter_id, units in check.adds.items()}
    event = check.event.key if check.event is not None else None
    return Ask(
        (customer_id, check.asked.meter_id),
        {k: v for k, v in adds.items() if k in balances},
        event=event,
        overage=check.asked.overage,
    )


async def _find_customers(
    connection: Connection, organization_id: UUID, checks: Sequence[Check]
) -> dict[UUID, list[UUID]]:
    """Finds whom the checks are about, or that there is nobody; the subjects of each of them."""
    rows = await connection.fetch(
        _FIND_CUSTOMERS,
        organization_id=organization_id,
        ids=[check.asked.customer_id for check in checks if check.asked.customer_id is not None],
        external_ids=[c.asked.external_customer_id for c in checks if c.asked.external_customer_id is not None],
    )
    by_name = {row["id"]: row["id"] for row in rows} | {row["external_id"]: row["id"] for row in rows}
    for check in checks:
        name: UUID | str = check.asked.customer_id or str(check.asked.external_customer_id)
        member = "customer_id" if check.asked.customer_id is not None else "external_customer_id"
        check.customer_id = by_name.get(name)
        if check.customer_id is None:
            check.fault = Fault(("body", member), "Customer not found.", member, str(name))
    return {
        row["id"]: [
            row["id"],
            *([subject_of(organization_id, row["external_id"])] if row["external_id"] is not None else []),
        ]
        for row in rows
    }


async def _take_keys(connection: Connection, organization_id: UUID, checks: Sequence[Check]) -> dict[UUID, UUID]:
    """Takes the keys of the events, or finds those that have happened: their ids, by key."""
    first: dict[UUID, UUID] = {}
    for check in checks:
        if check.event is not None and check.event.key is not None and check.event.id is not None:
            check.event.id = first.setdefault(check.event.key, check.event.id)
    if not first:
        return {}
    keys = sorted(first)
    rows = await connection.fetch(
        statements.TAKE_KEYS, organization_id=organization_id, keys=keys, event_ids=[first[key] for key in keys]
    )
    known = first.keys() - {row["key"] for row in rows}
    if not known:
        return {}
    rows = await connection.fetch(statements.FIND_KEYS, organization_id=organization_id, keys=list(known))
    return {row["key"]: row["event_id"] for row in rows}


async def _give_back(
    connection: Connection, organization_id: UUID, checks: Sequence[Check], given: Sequence[Answer]
) -> None:
    """Frees the keys of events that do not happen, so that they may happen later."""
    keys: dict[UUID, bool] = {}
    for check, answer in zip(checks, given, strict=True):
        if check.event is not None and check.event.key is not None:
            keys[check.event.key] = keys.get(check.event.key, False) or answer.allowed
    free = sorted(key for key, is_used in keys.items() if not is_used)
    if free:
        await connection.execute(_GIVE_BACK, organization_id=organization_id, keys=free)


async def _lock(
    connection: Connection, checks: Sequence[Check], subjects: Mapping[UUID, Sequence[UUID]], *, now: datetime
) -> None:
    """Locks what the balances are made of, and what the events will be counted in."""
    wanted = {(check.asked.meter_id, subject) for check in checks for subject in subjects[_customer(check)]} | {
        (meter_id, check.event.subject) for check in checks if check.event for meter_id in check.adds
    }
    rows = await connection.fetch(_LOCK, **_pairs(wanted))
    missing = wanted - {(row["meter_id"], row["subject"]) for row in rows}
    if missing:
        await connection.execute(_BEGIN, **_pairs(missing), now=now)


def _pairs(pairs: set[Pair]) -> dict[str, list[UUID]]:
    ordered = sorted(pairs)
    return {"meter_ids": [meter_id for meter_id, _ in ordered], "subjects": [subject for _, subject in ordered]}
