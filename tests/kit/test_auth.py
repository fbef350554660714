"""Who is calling, what they may do, and what the process remembers of it."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import (
    ANONYMOUS,
    MERCHANT,
    PORTAL,
    PUBLIC,
    Actor,
    Authenticator,
    Subject,
    authorize,
    owned_by,
    visible_to,
)
from boreal.kit.problems import InsufficientScope, InvalidToken, Unauthorized
from boreal.kit.secrets import Keyring
from tests.support.clock import SteadyClock
from tests.support.lamps import START, open_lamps

KEYRING = Keyring({"test": b"k" * 32})
MINE, THEIRS = UUID(int=1), UUID(int=2)
MERCHANT_ACTOR = Actor(Subject.organization, frozenset({"lamps:write"}), (MINE,), token_id=UUID(int=10))


class Tokens:
    """What the database knows, and how often it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, Actor] = {}
        self.asked = 0
        self.reading: asyncio.Event | None = None
        self.go_on = asyncio.Event()

    def add(self, token: str, actor: Actor) -> None:
        self.known[KEYRING.hash_token(token)] = actor

    async def resolve(self, token_hash: str) -> Actor | None:
        self.asked += 1
        found = self.known.get(token_hash)
        if self.reading is not None:
            self.reading.set()
            await self.go_on.wait()
        return found


@pytest.fixture
def tokens() -> Tokens:
    tokens = Tokens()
    tokens.add("polar_oat_a", MERCHANT_ACTOR)
    return tokens


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock(START)


@pytest.fixture
def authenticator(tokens: Tokens, clock: SteadyClock) -> Iterator[Authenticator]:
    authenticator = Authenticator(KEYRING, clock, {"": tokens.resolve})
    authenticator.hear(True)
    yield authenticator


async def call(authenticator: Authenticator, token: str = "polar_oat_a") -> Actor:
    return await authenticator.authenticate(f"Bearer {token}")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic polar_oat_a", "polar_oat_a", "Bearer polar_oat_å", "Token polar_oat_a"],
)
async def test_what_is_no_bearer_value_is_nobody(authenticator: Authenticator, tokens: Tokens, header: str) -> None:
    assert await authenticator.authenticate(header) is ANONYMOUS
    assert tokens.asked == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_known_token_is_its_subject(authenticator: Authenticator, scheme: str) -> None:
    assert await authenticator.authenticate(f"{scheme} polar_oat_a") == MERCHANT_ACTOR
    assert await authenticator.authenticate(f"{scheme}  polar_oat_a ") == MERCHANT_ACTOR


@pytest.mark.parametrize("token", ["polar_oat_bogus", "x", "polar_oat_a b", "polar_oat_A"])
async def test_an_unknown_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(InvalidToken):
        await call(authenticator, token)


async def test_a_prefix_chooses_who_looks_the_token_up(clock: SteadyClock) -> None:
    merchants, customers = Tokens(), Tokens()
    customer = Actor(Subject.customer, frozenset(), (MINE,), customer_id=UUID(int=3))
    merchants.add("polar_cst_a", MERCHANT_ACTOR)
    customers.add("polar_cst_a", customer)
    authenticator = Authenticator(KEYRING, clock, {"": merchants.resolve, "polar_cst_": customers.resolve})
    assert await call(authenticator, "polar_cst_a") == customer
    assert merchants.asked == 0
    with pytest.raises(InvalidToken):
        await call(authenticator, "polar_cst_b")


async def test_a_token_is_read_once_a_minute(authenticator: Authenticator, tokens: Tokens, clock: SteadyClock) -> None:
    for _ in range(3):
        assert await call(authenticator) == MERCHANT_ACTOR
    assert tokens.asked == 1
    clock.advance(timedelta(seconds=59.9))
    await call(authenticator)
    assert tokens.asked == 1
    clock.advance(timedelta(seconds=0.2))
    await call(authenticator)
    assert tokens.asked == 2


async def test_a_refusal_is_not_remembered(authenticator: Authenticator, tokens: Tokens) -> None:
    with pytest.raises(InvalidToken):
        await call(authenticator, "polar_oat_b")
    tokens.add("polar_oat_b", MERCHANT_ACTOR)
    assert await call(authenticator, "polar_oat_b") == MERCHANT_ACTOR


@pytest.mark.parametrize("heard", ["the token", "*"])
async def test_a_revoked_token_is_forgotten_at_once(authenticator: Authenticator, tokens: Tokens, heard: str) -> None:
    await call(authenticator)
    tokens.known.clear()
    await call(authenticator)
    authenticator.forget(KEYRING.hash_token("polar_oat_a") if heard == "the token" else "*")
    with pytest.raises(InvalidToken):
        await call(authenticator)


async def test_forgetting_one_token_keeps_the_others(authenticator: Authenticator, tokens: Tokens) -> None:
    await call(authenticator)
    authenticator.forget(KEYRING.hash_token("polar_oat_b"))
    await call(authenticator)
    assert tokens.asked == 1


@pytest.mark.parametrize("event", ["this token", "every token", "the listener comes back"])
async def test_what_was_read_before_a_revocation_is_not_remembered_after_it(
    authenticator: Authenticator, tokens: Tokens, event: str
) -> None:
    """The resolver reads, the token is revoked and that is heard, and only then the resolver's answer arrives."""
    tokens.reading = asyncio.Event()
    calling = asyncio.create_task(call(authenticator))
    await tokens.reading.wait()
    tokens.known.clear()
    if event == "this token":
        authenticator.forget(KEYRING.hash_token("polar_oat_a"))
    elif event == "every token":
        authenticator.forget("*")
    else:
        authenticator.hear(False)
        authenticator.hear(True)
    tokens.go_on.set()
    assert await calling == MERCHANT_ACTOR, "the request began before the revocation"
    with pytest.raises(InvalidToken):
        await call(authenticator)


async def test_nothing_is_remembered_while_nobody_listens(authenticator: Authenticator, tokens: Tokens) -> None:
    await call(authenticator)
    authenticator.hear(False)
    await call(authenticator)
    await call(authenticator)
    assert tokens.asked == 3
    authenticator.hear(True)
    await call(authenticator)
    await call(authenticator)
    assert tokens.asked == 4


async def test_a_remembered_token_still_expires_in_time(
    authenticator: Authenticator, tokens: Tokens, clock: SteadyClock
) -> None:
    tokens.add("polar_oat_a", Actor(Subject.organization, expires_at=START + timedelta(seconds=5)))
    await call(authenticator)
    clock.advance(timedelta(seconds=4.999))
    await call(authenticator)
    clock.advance(timedelta(seconds=0.001))
    with pytest.raises(InvalidToken):
        await call(authenticator)
    assert tokens.asked == 1


async def test_the_memory_is_bounded(tokens: Tokens, clock: SteadyClock) -> None:
    authenticator = Authenticator(KEYRING, clock, {"": tokens.resolve}, max_size=3)
    authenticator.hear(True)
    for number in range(10):
        tokens.add(f"polar_oat_{number}", MERCHANT_ACTOR)
        await call(authenticator, f"polar_oat_{number}")
        assert len(authenticator._known) <= 3


async def test_the_use_of_merchants_tokens_is_collected_until_it_is_taken(
    authenticator: Authenticator, tokens: Tokens, clock: SteadyClock
) -> None:
    tokens.add("polar_cst_a", Actor(Subject.customer, token_id=UUID(int=11), customer_id=UUID(int=3)))
    await call(authenticator)
    await call(authenticator, "polar_cst_a")
    await authenticator.authenticate(None)
    clock.advance(timedelta(seconds=30))
    await call(authenticator)
    assert authenticator.take_used() == {UUID(int=10): START + timedelta(seconds=30)}
    assert authenticator.take_used() == {}


READ = ("lamps:read", "lamps:write")


@pytest.mark.parametrize(
    ("held", "acceptable", "allowed"),
    [
        ({"lamps:write"}, READ, True),
        ({"lamps:read"}, READ, True),
        ({"lamps:write"}, ("lamps:read",), False),
        ({"shades:read"}, READ, False),
        (set(), READ, False),
        (set(), (), True),
    ],
)
def test_any_one_acceptable_scope_is_enough(held: set[str], acceptable: tuple[str, ...], allowed: bool) -> None:
    actor = Actor(Subject.organization, frozenset(held), (MINE,))
    if allowed:
        assert authorize(actor, audience=MERCHANT, scopes=acceptable) is actor
    else:
        with pytest.raises(InsufficientScope) as refused:
            authorize(actor, audience=MERCHANT, scopes=acceptable)
        assert f'scope="{" ".join(acceptable)}"' in refused.value.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("kind", "audience"),
    [(Subject.customer, MERCHANT), (Subject.organization, PORTAL), (Subject.anonymous, MERCHANT)],
)
def test_a_subject_that_is_not_served_is_nobody(kind: Subject, audience: frozenset[Subject]) -> None:
    with pytest.raises(Unauthorized):
        authorize(Actor(kind, frozenset(READ)), audience=audience, scopes=READ)


def test_where_everybody_is_served_nobody_needs_a_scope() -> None:
    assert authorize(ANONYMOUS, audience=PUBLIC, scopes=READ) is ANONYMOUS
    assert authorize(MERCHANT_ACTOR, audience=PUBLIC, scopes=()) is MERCHANT_ACTOR
    customer = Actor(Subject.customer, frozenset(READ))
    assert authorize(customer, audience=frozenset({Subject.user, Subject.anonymous}), scopes=READ) is ANONYMOUS


async def test_the_predicates_show_what_belongs_to_the_actor_and_nothing_else(kit_dsn: str) -> None:
    ada, ben = UUID(int=21), UUID(int=22)
    columns = (sa.column("number", sa.Integer), sa.column("organization_id", PgUUID), sa.column("customer_id", PgUUID))
    rows = sa.values(*columns, name="rows").data([(1, MINE, ada), (2, MINE, ben), (3, THEIRS, ada), (4, MINE, None)])
    visible = sa.select(rows.c.number).where(visible_to(rows.c.organization_id)).order_by(rows.c.number)
    owned = sa.select(rows.c.number).where(owned_by(rows.c.customer_id)).order_by(rows.c.number)
    async with open_lamps(kit_dsn) as lamps:
        for actor, seen, own in (
            (MERCHANT_ACTOR, [1, 2, 4], []),
            (Actor(Subject.user, organization_ids=(THEIRS, MINE)), [1, 2, 3, 4], []),
            (Actor(Subject.customer, organization_ids=(MINE,), customer_id=ben), [1, 2, 4], [2]),
            (ANONYMOUS, [], []),
        ):
            for statement, numbers in ((visible, seen), (owned, own)):
                found = await lamps.app.database.fetch(statement, **actor.binds())
                assert [row["number"] for row in found] == numbers


def test_one_organization_or_none() -> None:
    assert MERCHANT_ACTOR.organization_id == MINE
    with pytest.raises(ValueError, match="not enough values"):
        _ = ANONYMOUS.organization_id
    with pytest.raises(ValueError, match="too many values"):
        _ = Actor(Subject.user, organization_ids=(MINE, THEIRS)).organization_id
