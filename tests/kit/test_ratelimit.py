"""Rate limits: who is counted, which rule holds, when a window and a block are over (platform spec 5)."""

from datetime import timedelta
from uuid import UUID

import pytest

from boreal.kit.auth import ANONYMOUS, Actor, Subject
from boreal.kit.ratelimit import Limiter, RateLimited
from tests.support.clock import ZERO, SteadyClock
from tests.support.lamps import START

ORGANIZATION = Actor(Subject.organization, organization_ids=(UUID(int=1),), token_id=UUID(int=10))
KEYS = "/v1/customer-portal/license-keys"
SESSIONS = "/v1/customer-portal/customer-session"
STREAM = "/v1/customer-seats/claim/polar_token/stream"


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock(START)


@pytest.fixture
def limiter(clock: SteadyClock) -> Limiter:
    return Limiter(clock, per_minute=20)


def passes(limiter: Limiter, path: str, *, actor: Actor = ANONYMOUS, peer: str = "192.0.2.1") -> int:
    """0 for a request that is allowed, else the seconds of its `retry-after`."""
    try:
        limiter.check(actor, path, peer)
    except RateLimited as refused:
        assert refused.status == 429
        return int(refused.headers["retry-after"])
    return 0


def test_a_window_begins_with_the_first_request_and_ends_after_its_length(limiter: Limiter, clock: SteadyClock) -> None:
    assert [passes(limiter, "/v1/products/") for _ in range(20)] == [0] * 20
    clock.advance(timedelta(seconds=59.9))
    assert passes(limiter, "/v1/orders/") == 60, "the length of the window, whenever it began"
    clock.advance(timedelta(seconds=0.1))
    assert [passes(limiter, "/v1/products/") for _ in range(21)] == [0] * 20 + [60]


def test_a_refused_request_is_not_counted(limiter: Limiter, clock: SteadyClock) -> None:
    login = "/v1/login-code/request"
    assert [passes(limiter, login) for _ in range(7)] == [0] * 6 + [900]
    clock.advance(timedelta(seconds=900))
    assert [passes(limiter, login) for _ in range(6)] == [0] * 6, "twelve in this hour"
    clock.advance(timedelta(seconds=60))
    assert passes(limiter, login) == 900, "the thirteenth of this hour"
    clock.advance(timedelta(seconds=3600 - 960))
    assert passes(limiter, login) == 0, "the hour began with the first of all"


@pytest.mark.parametrize(
    ("path", "allowed", "block_s"),
    [
        ("/v1/login-code/authenticate", 6, 900),
        (f"{SESSIONS}/request", 6, 900),
        (f"{SESSIONS}/authenticate", 6, 900),
        (f"{KEYS}/validate", 3, 60),
        (f"{KEYS}/activate", 3, 60),
        (f"{KEYS}/deactivate", 3, 60),
        (STREAM, 10, 300),
    ],
)
def test_a_special_path_has_its_own_limit_and_blocks_every_path(
    limiter: Limiter, clock: SteadyClock, path: str, allowed: int, block_s: int
) -> None:
    assert [passes(limiter, path) for _ in range(allowed + 1)] == [0] * allowed + [block_s]
    clock.advance(timedelta(seconds=10.2))
    assert passes(limiter, "/v1/products/") == block_s - 10, "what remains, in whole seconds"
    assert passes(limiter, path) == block_s - 10
    assert passes(limiter, "/healthz") == 0, "a path without a limit"
    clock.advance(timedelta(seconds=block_s - 10.2))
    assert passes(limiter, "/v1/products/") == 0


def test_what_remains_is_rounded_up(limiter: Limiter, clock: SteadyClock) -> None:
    """Who comes back when they were told to is let in."""
    for _ in range(4):
        passes(limiter, f"{KEYS}/validate")
    clock.advance(timedelta(seconds=59.6))
    assert passes(limiter, "/v1/products/") == 1
    clock.advance(timedelta(seconds=1))
    assert passes(limiter, "/v1/products/") == 0


def test_what_floats_add_is_not_counted() -> None:
    for hundredths in range(100):
        clock = SteadyClock(ZERO + timedelta(seconds=1020, milliseconds=10 * hundredths + 7))
        limiter = Limiter(clock, per_minute=20)
        for _ in range(4):
            passes(limiter, f"{KEYS}/validate")
        clock.advance(timedelta(seconds=10))
        assert passes(limiter, "/v1/products/") == 50


def test_paths_of_one_rule_share_a_counter_and_leave_the_general_one_alone(limiter: Limiter) -> None:
    for path in ("validate", "activate", "deactivate"):
        assert passes(limiter, f"{KEYS}/{path}") == 0
    assert [passes(limiter, f"{KEYS}/other") for _ in range(20)] == [0] * 20, "that one is counted with the rest"
    assert passes(limiter, "/v1/products/") == 60
    assert passes(limiter, f"{KEYS}/validate") == 60


def test_each_is_counted_alone(limiter: Limiter) -> None:
    members = [
        Actor(Subject.member, customer_id=UUID(int=3), member_id=UUID(int=number), token_id=UUID(int=number))
        for number in (4, 5)
    ]
    callers = [
        (ANONYMOUS, "192.0.2.1"),
        (ANONYMOUS, "192.0.2.2"),
        (ORGANIZATION, "192.0.2.1"),
        (Actor(Subject.organization, organization_ids=(UUID(int=2),)), "192.0.2.1"),
        (Actor(Subject.user, user_id=UUID(int=1)), "192.0.2.1"),
        (Actor(Subject.customer, customer_id=UUID(int=3)), "192.0.2.1"),
        (members[0], "192.0.2.1"),
        (members[1], "192.0.2.1"),
    ]
    for actor, peer in callers:
        assert [passes(limiter, "/v1/x", actor=actor, peer=peer) for _ in range(21)] == [0] * 20 + [60]


def test_an_organization_is_one_caller_with_all_its_tokens_and_addresses(limiter: Limiter) -> None:
    for number in range(20):
        token = Actor(Subject.organization, organization_ids=(UUID(int=1),), token_id=UUID(int=number))
        assert passes(limiter, "/v1/x", actor=token, peer=f"192.0.2.{number}") == 0
    assert passes(limiter, "/v1/x", actor=ORGANIZATION) == 60


def test_limits_can_be_switched_off(clock: SteadyClock) -> None:
    limiter = Limiter(clock, per_minute=0)
    assert {passes(limiter, f"{KEYS}/validate") for _ in range(1000)} == {0}


def test_callers_who_are_gone_are_forgotten(limiter: Limiter, clock: SteadyClock) -> None:
    for number in range(5000):
        passes(limiter, "/v1/x", peer=f"address {number}")
        clock.advance(timedelta(seconds=0.1))
    assert len(limiter._windows) < 1300, "those of the last two minutes"
    for _ in range(4):
        passes(limiter, f"{KEYS}/validate")
    clock.advance(timedelta(hours=2))
    passes(limiter, "/v1/x")
    assert (len(limiter._windows), len(limiter._blocked)) == (1, 0)
