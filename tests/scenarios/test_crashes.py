"""The crash test: everything is killed, again and again, while people buy; nothing is lost and nobody pays twice.

A round is some dozens of buyers within a few seconds, and SIGKILL at random moments for an API process, a worker,
PostgreSQL or everything, while the network to the processor loses, doubles and delays. Then it comes to rest and is
held against the books. CI runs a few rounds; `TEST_CRASH_ROUNDS=20 TEST_CRASH_CHECKOUTS=200` is the whole of it, with
`-s` to read the figures, and `TEST_CRASH_SEED` draws again what a failed run drew (the moments are the machine's).
"""

import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random, SystemRandom
from time import monotonic
from typing import Any

import httpx2
import pytest

from boreal.core.scopes import AvailableScope
from boreal.core.webhooks import WebhookEventType
from boreal.rooms.platform.public import create_organization, create_token
from tests.support.aftermath import attempts_so_far, books_are_right, deliveries_are_right, rest, sessions_are_right
from tests.support.buyers import Buyer, Purchase, Shopfront, Wish, crowd
from tests.support.fleet import VICTIMS, Fleet, open_fleet
from tests.support.processes import run, short_folder
from tests.support.receiver import Received, Receiver, Reply, open_receiver

ROUNDS = int(os.environ.get("TEST_CRASH_ROUNDS", "2"))
CHECKOUTS = int(os.environ.get("TEST_CRASH_CHECKOUTS", "60"))
SEED = int(os.environ.get("TEST_CRASH_SEED") or SystemRandom().randrange(1_000_000))

ARRIVALS_S = CHECKOUTS / 25
"""Within how many seconds the buyers of a round come."""
KILLS_S = ARRIVALS_S + 2
KILLS = max(round(1.2 * KILLS_S), len(VICTIMS))
PATIENCE_S = 240.0
"""How long buyers may take to learn how it ended, and everything to come to rest: far longer than either does."""

FAULTS = {
    "latency_s": 0.3,
    "lost_before": 0.05,
    "lost_after": 0.05,
    "processing": 0.2,
    "settles_after_s": 1.0,
    "doubled": 0.2,
    "late": 0.2,
    "late_s": 0.5,
    "silent": 0.2,
}
TRIAL = {"trial_interval": "day", "trial_interval_count": 7}
PRODUCTS: dict[str, tuple[int, dict[str, Any]]] = {
    "once": (1000, {"prices": [{"amount_type": "fixed", "price_amount": 1000}]}),
    "monthly": (2500, {"prices": [{"amount_type": "fixed", "price_amount": 2500}], "recurring_interval": "month"}),
    "trial": (0, {"prices": [{"amount_type": "fixed", "price_amount": 4000}], "recurring_interval": "month", **TRIAL}),
    "free": (0, {"prices": [{"amount_type": "free"}]}),
}
"""What is sold: what is due now, and the product."""


@dataclass
class Market:
    """The fleet, its merchant, and who buys there. `answered` is what the merchant's receiver said, by event."""

    fleet: Fleet
    receiver: Receiver
    front: Shopfront
    products: dict[str, tuple[str, int]] = field(default_factory=dict)
    purchases: list[Purchase] = field(default_factory=list)
    answered: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def open(self) -> None:
        """Products for sale, and two endpoints that hear of it: one of everything, one of orders and sessions."""
        for name, (due, body) in PRODUCTS.items():
            made = await self._make("/v1/products/", {"name": name.title(), **body})
            self.products[name] = (made["id"], due)
        everything = [event.value for event in WebhookEventType]
        some = [event for event in everything if event.startswith(("order.", "checkout."))]
        for path, events in (("everything", everything), ("some", some)):
            body = {"url": f"{self.receiver.url}/{path}", "format": "raw", "events": events}
            await self._make("/v1/webhooks/endpoints", body)

    async def _make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.front.token}"}
        made = await self.front.client.post(self.front.base_urls[0] + path, json=body, headers=headers)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def trade(self, seed: int) -> None:
        """A crowd buys while things are killed; returns when every buyer knows how it ended."""
        random = Random(seed)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for wish in crowd(CHECKOUTS, self.products, random, name=str(seed)):
                group.create_task(self._visit(wish, after_s=random.uniform(0, ARRIVALS_S)), name=wish.email)
            group.create_task(self._wreck(random), name="kills")

    async def _visit(self, wish: Wish, *, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.purchases.append(await Buyer(self.front, wish).buy())

    async def _wreck(self, random: Random) -> None:
        victims = [*VICTIMS, *random.choices(VICTIMS, k=KILLS - len(VICTIMS))]
        random.shuffle(victims)
        before = 0.0
        for moment in sorted(random.uniform(0.2, KILLS_S) for _ in victims):
            await asyncio.sleep(moment - before)
            self.fleet.kill(victims.pop(), random)
            before = moment

    async def check(self) -> None:
        """Everything comes to rest, and the books are right."""
        database = self.fleet.boreal.app.database
        await rest(database, within_s=PATIENCE_S)
        await sessions_are_right(database, self.purchases)
        await deliveries_are_right(database, self.receiver.requests, self.answered)
        await books_are_right(database)
        assert [words for unit in self.fleet.units for words in unit.ended] == [], "a process ended by itself"

    async def figures(self) -> str:
        """What happened so far, in one line."""
        endings = Counter(purchase.ending + (" after doubt" if purchase.doubted else "") for purchase in self.purchases)
        attempts = await attempts_so_far(self.fleet.boreal.app.database, late_s=2.0)
        return (
            f"{len(self.purchases)} checkouts {_listed(endings)}; replies {_listed(self.front.seen)}; "
            f"attempts {attempts}; kills {_listed(self.fleet.kills)}; {sum(unit.starts for unit in self.fleet.units)} "
            f"starts; "
            f"{len(self.receiver.requests)} webhooks for {len(self.answered)} events"
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in sorted(counts))


def moody(random: Random, answered: dict[str, list[int]]) -> Callable[[Received], Reply]:
    """A receiver that fails, hangs or hangs up now and then, and writes down what it answered: 0 for nothing."""
    moods = {"takes it": 0.90, "fails": 0.06, "hangs": 0.02, "hangs up": 0.02}

    def answer(received: Received) -> Reply:
        mood = random.choices(list(moods), list(moods.values()))[0]
        replies = {"fails": Reply(500), "hangs": Reply(hang=True), "hangs up": Reply(drop=True)}
        reply = replies.get(mood) or Reply(delay_s=random.uniform(0, 0.05))
        answered[received.headers["webhook-id"]].append(0 if reply.hang or reply.drop else reply.status)
        return reply

    return answer


@asynccontextmanager
async def open_market() -> AsyncIterator[Market]:
    """Everything runs, and an organization with a token to sell with."""
    random = Random(SEED)
    with short_folder() as folder:
        async with (
            open_fleet(folder, apis=2, workers=2, faults=FAULTS) as fleet,
            open_receiver() as receiver,
            httpx2.AsyncClient(timeout=15, limits=httpx2.Limits(max_connections=None)) as client,
        ):
            app = fleet.boreal.app
            organization = await create_organization(app, name="Acme", slug="acme", ready=True)
            scopes = [scope.value for scope in AvailableScope]
            _, token = await create_token(app, organization_id=organization.id, comment="crash", scopes=scopes)
            market = Market(fleet, receiver, Shopfront(client, fleet.base_urls, token, random))
            await market.open()
            receiver.answer = moody(random, market.answered)
            yield market


def say(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


@pytest.mark.timeout(60 + ROUNDS * 2 * PATIENCE_S)
async def test_nothing_is_lost_when_everything_is_killed() -> None:
    async with open_market() as market:
        for number in range(ROUNDS):
            began = monotonic()
            say(f"\nround {number + 1}, seed {SEED + number}: ")
            await market.trade(SEED + number)
            traded = monotonic()
            await market.check()
            say(f"{traded - began:.1f} s of trade, {monotonic() - traded:.1f} s to rest; ")
            say(f"so far {await market.figures()}")
        variables = {"DATABASE_URL": market.fleet.postgres.dsn, "BOREAL_DATA_DIR": str(market.fleet.folder)}
        checked = await asyncio.to_thread(run, "check", **variables)
        assert (checked.returncode, checked.stdout) == (0, "Every invariant holds.\n"), checked.stderr
