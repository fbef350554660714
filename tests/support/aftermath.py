"""What has to be true once everything has come to rest, read from the tables of Boreal and of its sandbox processor."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.kit.db import Database
from boreal.main import ROOMS, broken_invariants
from tests.support.buyers import Purchase
from tests.support.receiver import Received

RECURRING = tuple(kind for room in ROOMS for kind in room.recurring)

_UNFINISHED = sa.text(
    """
    SELECT 'facts to dispatch' AS what, count(*) AS number FROM facts WHERE position IS NULL
    UNION ALL SELECT 'webhooks to send', count(*) FROM webhook_events WHERE pending
    UNION ALL SELECT 'attempts under way', count(*) FROM checkout_attempts WHERE state = 'started'
    UNION ALL SELECT 'sessions ' || status, count(*) FROM checkouts WHERE status NOT IN ('open', 'expired', 'succeeded')
        GROUP BY status
    UNION ALL SELECT 'busy sessions', count(*) FROM checkouts WHERE attempt_id IS NOT NULL
    UNION ALL SELECT 'payments that are processed', count(*) FROM sandbox_intents WHERE status = 'processing'
    UNION ALL SELECT 'rows of ' || kind, count(*) FROM work
        WHERE NOT kind = ANY(:recurring) AND (kind <> 'renew_subscription' OR due_at <= now()) GROUP BY kind
    """
).bindparams(sa.bindparam("recurring", type_=sa.ARRAY(sa.Text)))

_LEFT = sa.text("SELECT kind, attempts, due_at, claimed_at, last_error FROM work ORDER BY kind, id")

_SESSIONS = sa.text(
    """
    SELECT id::text, status,
        ARRAY(SELECT status || ' ' || due_amount FROM orders WHERE checkout_id = checkouts.id) AS orders,
        ARRAY(SELECT amount FROM payments
              WHERE checkout_id = checkouts.id AND payments.status = 'succeeded') AS recorded,
        ARRAY(SELECT amount FROM sandbox_intents AS intent
              WHERE kind = 'payment' AND intent.status = 'succeeded'
              AND metadata ->> 'checkout_id' = checkouts.id::text) AS charged
    FROM checkouts
    """
)

_SUMS = sa.text(
    """
    SELECT
        (SELECT coalesce(sum(due_amount), 0) FROM orders WHERE status = 'paid') AS orders,
        (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'succeeded') AS recorded,
        (SELECT coalesce(sum(amount), 0) FROM sandbox_intents AS intent
         WHERE kind = 'payment' AND intent.status = 'succeeded') AS charged
    """
)

_REPEATED = sa.text(
    """
    SELECT metadata ->> 'key' AS key, count(*) AS sessions FROM checkouts
    WHERE metadata ? 'key' GROUP BY 1 HAVING count(*) > 1
    """
)

_MAILS = sa.text(
    """
    SELECT coalesce(mail.message_id, 'no mail for ' || orders.id) AS broken
    FROM orders FULL JOIN captured_mails AS mail ON split_part(mail.message_id, '@', 1) = 'order-' || orders.id
    WHERE orders.id IS NULL OR mail.id IS NULL
    """
)

_ATTEMPTS = sa.text(
    """
    SELECT count(*) AS number, count(*) FILTER (WHERE settled_at > created_at + make_interval(secs => :late_s)) AS late
    FROM checkout_attempts
    """
).bindparams(sa.bindparam("late_s", type_=sa.Double))

_UNTOLD = sa.text(
    """
    SELECT fact.id, fact.name FROM facts AS fact JOIN webhook_endpoints AS endpoint
        ON endpoint.organization_id = fact.organization_id AND fact.name = ANY(endpoint.events)
    WHERE NOT endpoint.id = ANY(fact.endpoint_ids) AND fact.occurred_at > endpoint.created_at
    """
)

_EVENTS = sa.text(
    """
    SELECT event.id::text, event.endpoint_id, event.subject_id, fact.position, fact.payload
    FROM facts AS fact CROSS JOIN LATERAL unnest(fact.endpoint_ids) AS named (endpoint_id)
    LEFT JOIN webhook_events AS event ON event.fact_id = fact.id AND event.endpoint_id = named.endpoint_id
    ORDER BY fact.position
    """
)


async def rest(database: Database, *, within_s: float) -> None:
    """Returns once nothing is left to do but what recurs; tells what is left when that does not come."""
    deadline = monotonic() + within_s
    while True:
        try:
            rows = await database.fetch(_UNFINISHED, recurring=list(RECURRING))
            left = {row["what"]: row["number"] for row in rows if row["number"]}
            if not left:
                return
        except OSError as away:
            left = {"no database": str(away)}
        if monotonic() > deadline:
            work = [dict(row) for row in await database.fetch(_LEFT)]
            raise AssertionError(f"still not at rest after {within_s} s: {left}, {work}")
        await asyncio.sleep(0.2)


async def sessions_are_right(database: Database, purchases: Sequence[Purchase]) -> None:
    """Every session that was bought has one paid order and one payment of what was due, and every other one nothing.

    That includes the sessions that nobody knows of, because the reply which would have named them was lost.
    """
    wishes = {purchase.session_id: purchase.wish for purchase in purchases}
    misled = [purchase for purchase in purchases if (purchase.ending == "refused") != purchase.wish.is_refused]
    assert misled == [], misled
    wrong = {}
    for row in await database.fetch(_SESSIONS):
        id, status, *rest_of_it = row.values()
        wish = wishes.pop(id, None)
        money = [wish.due] if wish and wish.due else []
        bought = ("succeeded", [f"paid {wish.due}"], money, money) if wish and wish.is_bought else ("open", [], [], [])
        if (status, *rest_of_it) != bought:
            wrong[id] = {"is": (status, *rest_of_it), "ought to be": bought, "wish": wish}
    assert wrong == {}, wrong
    assert wishes == {}, "sessions that were acknowledged have to exist"
    sums = await database.fetchrow(_SUMS)
    assert sums is not None
    assert len(set(sums.values())) == 1, dict(sums)
    repeated = [dict(row) for row in await database.fetch(_REPEATED)]
    assert repeated == [], repeated


async def deliveries_are_right(
    database: Database, received: Iterable[Received], answered: Mapping[str, list[int]]
) -> None:
    """Every fact reached each endpoint that wants it, was taken there, and never before an earlier one of its subject.

    `answered` maps the id of an event to the statuses that the receiver gave, in order.
    """
    untold = [dict(row) for row in await database.fetch(_UNTOLD)]
    assert untold == [], untold
    order: dict[str, int] = {}
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for number, request in enumerate(received):
        order.setdefault(request.headers["webhook-id"], number)
        bodies[request.headers["webhook-id"]].add(request.body)
    last: dict[tuple[UUID, UUID], int] = {}
    wrong: list[Any] = []
    for event in await database.fetch(_EVENTS):
        id, turn = event["id"], (event["endpoint_id"], event["subject_id"])
        if 200 not in answered.get(id, ()):
            wrong.append(("not delivered", dict(event)))
        elif bodies[id] != {event["payload"].encode()}:
            wrong.append(("other bytes", dict(event)))
        elif order[id] < last.get(turn, -1):
            wrong.append(("too early", dict(event)))
        else:
            last[turn] = order[id]
    assert wrong == [], wrong
    assert order.keys() <= {event["id"] for event in await database.fetch(_EVENTS)}, "webhooks of nothing"


async def attempts_so_far(database: Database, *, late_s: float) -> str:
    """How many attempts there were, and how many were settled so late that it was hardly the request that did it."""
    row = await database.fetchrow(_ATTEMPTS, late_s=late_s)
    assert row is not None
    return f"{row['number']}, {row['late']} of them settled after more than {late_s:.0f} s"


async def books_are_right(database: Database) -> None:
    """Every invariant of every room holds, and each order has its one mail."""
    broken = await broken_invariants(database)
    assert broken == {}, broken
    mails = [row["broken"] for row in await database.fetch(_MAILS)]
    assert mails == [], mails
