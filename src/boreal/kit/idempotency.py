"""Kept replies: a write that is sent again under the same `Idempotency-Key` happens once (decision record 10).

One row per key. It is claimed before the operation begins, by an insert that only one can win. Every transaction of
the operation marks it last thing before its commit, so that the row says for certain whether something happened; the
same mark refuses the commit of a run so slow that its claim passed to another. At the end the reply is kept.

What becomes of a claim whose process died, once `claimed_until` is over: without a mark nothing happened and the key
is free again; with a mark the reply is lost, and whoever asks is told so instead of causing the effect twice.

A kept reply may hold secrets that are shown once. It is sealed with a key made from our secret, the client's key and
the request itself: only the same request opens it.
"""

import asyncio
import hashlib
import hmac
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database, Record, Runs, metadata
from boreal.kit.problems import Problem
from boreal.kit.telemetry import current_trace

KEPT = timedelta(hours=24)
"""For how long a key is remembered, from its first use."""
LEASE = timedelta(seconds=30)
"""For how long a run that has not marked anything yet keeps others away."""
PAUSES_S = (0.025, 0.05, 0.1, 0.2, 0.4)
"""The pauses between looks at a run of another process; the last one repeats."""

IdempotentReplyRow = sa.Table(
    "idempotent_replies",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("claim_id", PgUUID, nullable=False),
    sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("took_effect_at", sa.DateTime(timezone=True)),
    sa.Column("sealed_reply", sa.LargeBinary),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("trace", sa.Text),
)


class IdempotencyKeyMismatch(Problem):
    """The key was used for a request with another body or query."""

    status = 409

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Use a new key for a new request.")


class IdempotencyKeyInUse(Problem):
    """The first request under the key is still running."""

    status = 409

    def __init__(self) -> None:
        detail = "A request with this Idempotency-Key is still running. Send it again in a moment, with the same key."
        super().__init__(detail, headers={"retry-after": "1"})


class IdempotentReplyLost(Problem):
    """The first request took effect, but the process died before its reply was kept."""

    status = 409

    def __init__(self, trace: str | None) -> None:
        super().__init__(
            "A request with this Idempotency-Key took effect, but its reply was lost. Look at the resource before you "
            f"send it again with a new key. The lost request has the trace {trace}."
        )


KEY_REFUSALS: tuple[type[Problem], ...] = (IdempotencyKeyMismatch, IdempotencyKeyInUse, IdempotentReplyLost)
"""What a write may answer because of its key."""


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A reply as it is given again: its status, the headers that belong to the body, and the body, byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_definitive(self) -> bool:
        """Whether the same request would be answered so again: not by 401, 409, 429 or a failure of ours.

        A 409 tells of a state that may change, such as a busy checkout, and asks to try again.
        """
        return self.status < 500 and self.status not in (401, 409, 429)

    def seal(self, key: bytes) -> bytes:
        """A nonce and the reply, encrypted by AES-256-GCM."""
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, orjson.dumps([self.status, self.headers]) + b"\n" + self.body, None)

    @classmethod
    def open(cls, sealed: bytes, key: bytes) -> "KeptReply":
        """What `seal` sealed; raises `InvalidTag` for another key."""
        head, _, body = AESGCM(key).decrypt(sealed[:12], sealed[12:], None).partition(b"\n")
        status, headers = orjson.loads(head)
        return cls(status, tuple((name, value) for name, value in headers), body)


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under a key: under which `id` it is remembered, what it asks, and what opens its reply.

    Nothing of the request can be read from `id` and `fingerprint`; `opener` is never stored.
    """

    id: bytes
    fingerprint: bytes
    opener: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes, *, place: Sequence[str], key: str, content: bytes) -> "KeyedRequest":
        """`place` says whose key it is and for which route; `content` is everything else that the request says."""
        where, what = orjson.dumps([*place, key]), hashlib.sha256(content).digest()

        def derive(purpose: bytes, text: bytes) -> bytes:
            return hmac.digest(secret, purpose + b"\0" + text, "sha256")

        return cls(derive(b"id", where), derive(b"fingerprint", what + where), derive(b"opener", what + where))


@dataclass(slots=True)
class Claim:
    """The right to run a request. It is `over` when the request is answered; what still runs then marks nothing."""

    id: UUID
    request: KeyedRequest
    over: bool = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Transactions of this task, and of tasks that it starts, are marked while the block runs."""
        token = _running.set(self)
        try:
            yield
        finally:
            _running.reset(token)
            self.over = True


_running: ContextVar[Claim | None] = ContextVar("idempotent request", default=None)


def _timed(statement: str, *names: str) -> sa.TextClause:
    return sa.text(statement).bindparams(*(sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in names))


_CLAIM = _timed(
    """
    INSERT INTO idempotent_replies AS held (id, fingerprint, claim_id, claimed_until, expires_at, trace)
    VALUES (:id, :fingerprint, :claim_id, :claimed_until, :expires_at, :trace)
    ON CONFLICT (id) DO UPDATE SET
        fingerprint = excluded.fingerprint, claim_id = excluded.claim_id, claimed_until = excluded.claimed_until,
        took_effect_at = NULL, sealed_reply = NULL, expires_at = excluded.expires_at, trace = excluded.trace
    WHERE held.expires_at <= :now
        OR (held.sealed_reply IS NULL AND held.took_effect_at IS NULL AND held.claimed_until <= :now)
    RETURNING claim_id
    """,
    "claimed_until",
    "expires_at",
    "now",
)
_READ = sa.select(IdempotentReplyRow).where(IdempotentReplyRow.c.id == sa.bindparam("id"))
_MARK = _timed(
    """
    UPDATE idempotent_replies SET took_effect_at = coalesce(took_effect_at, :now)
    WHERE id = :id AND claim_id = :claim_id
    """,
    "now",
)
_KEEP = sa.text("UPDATE idempotent_replies SET sealed_reply = :sealed_reply WHERE id = :id AND claim_id = :claim_id")
_FREE = sa.text(
    "DELETE FROM idempotent_replies WHERE id = :id AND claim_id = :claim_id AND (took_effect_at IS NULL OR :anyway)"
).bindparams(sa.bindparam("anyway", type_=sa.Boolean))
_LOSE = _timed(
    "UPDATE idempotent_replies SET claimed_until = :now WHERE id = :id AND claim_id = :claim_id",
    "now",
)
_FORGET = _timed(
    """
    DELETE FROM idempotent_replies WHERE id IN (
        SELECT id FROM idempotent_replies WHERE expires_at <= :now
        ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
    """,
    "now",
)


def under_key() -> bool:
    """Whether this task runs a request under a key, so that its transaction has to be its own."""
    return _running.get() is not None


async def mark_effect(connection: Connection, *, now: datetime) -> None:
    """Marks the key of the running request, if there is one: what this transaction wrote is about to be committed.

    Raises `IdempotencyKeyInUse`, so that the transaction is rolled back, if the claim has passed to another run.
    """
    claim = _running.get()
    if claim is None or claim.over:
        return
    marked = await connection.execute(_MARK, id=claim.request.id, claim_id=claim.id, now=now)
    if marked == "UPDATE 0":
        raise IdempotencyKeyInUse


async def forget(database: Runs, *, now: datetime) -> None:
    """Deletes what is no longer remembered, a thousand rows at a time."""
    while await database.execute(_FORGET, now=now) == "DELETE 1000":
        pass


class KeptReplies:
    """The memory of keys, shared by all processes through the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def turn(self, request: KeyedRequest, *, until_s: float) -> Claim | KeptReply:
        """The right to run the request, or the reply that it was given before.

        While another process runs it, waits until `until_s` of the monotonic clock; then raises `IdempotencyKeyInUse`.
        Raises `IdempotencyKeyMismatch` and `IdempotentReplyLost`.
        """
        while (claim := await self._claim(request)) is None:
            reply = await self._wait(request, until_s)
            if reply is not None:
                return reply
        return claim

    async def finish(self, claim: Claim, reply: KeptReply) -> None:
        """Keeps a definitive reply. After any other the key is free again, unless a failure of ours followed an effect.

        A 409 frees the key even then: with it the operation itself says that it may be asked again.
        """
        key = {"id": claim.request.id, "claim_id": claim.id}
        if reply.is_definitive:
            await self._database.execute(_KEEP, **key, sealed_reply=reply.seal(claim.request.opener))
            return
        freed = await self._database.execute(_FREE, **key, anyway=reply.status < 500)
        if freed == "DELETE 0":
            await self._database.execute(_LOSE, **key, now=self._clock.now())

    async def _wait(self, request: KeyedRequest, until_s: float) -> KeptReply | None:
        """The reply, as soon as it is there; None as soon as the key is free."""
        looks = 0
        while (row := await self._database.fetchrow(_READ, id=request.id)) is not None and not self._is_free(row):
            if row["fingerprint"] != request.fingerprint:
                raise IdempotencyKeyMismatch
            if row["sealed_reply"] is not None:
                return KeptReply.open(row["sealed_reply"], request.opener)
            if row["took_effect_at"] is not None and row["claimed_until"] <= self._clock.now():
                raise IdempotentReplyLost(row["trace"])
            if self._clock.monotonic_s() >= until_s:
                raise IdempotencyKeyInUse
            await asyncio.sleep(PAUSES_S[min(looks, len(PAUSES_S) - 1)])
            looks += 1
        return None

    async def _claim(self, request: KeyedRequest) -> Claim | None:
        now = self._clock.now()
        claim = Claim(uuid.uuid4(), request)
        claimed = await self._database.fetchrow(
            _CLAIM,
            id=request.id,
            fingerprint=request.fingerprint,
            claim_id=claim.id,
            claimed_until=now + LEASE,
            expires_at=now + KEPT,
            now=now,
            trace=current_trace(),
        )
        return claim if claimed is not None else None

    def _is_free(self, row: Record) -> bool:
        now = self._clock.now()
        unfinished = row["sealed_reply"] is None and row["took_effect_at"] is None
        return bool(row["expires_at"] <= now or (unfinished and row["claimed_until"] <= now))
