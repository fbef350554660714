"""Buyers and their merchant's server, as clients that lose connections: they ask again until they know how it ended.

A request may be answered, refused, or lost with the process that had it. Whoever does not know looks at the session by
its client secret; as long as that is open they confirm it again, as a browser that is reloaded would.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

GOOD = ("4242424242424242", "5555555555554444", "pm_card_visa", "pm_card_mastercard")
BAD = ("4000000000000002", "4000000000009995", "pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedLostCard")
ASKING = ("4000002760003184", "pm_card_authenticationRequired")
"""Cards whose bank asks the buyer to confirm the payment."""

PAID = ("confirmed", "succeeded")

_WAYS_TO_PAY = ("good", "good", "good", "bad", "bad, then good", "asking")


@dataclass(frozen=True)
class Wish:
    """What a buyer wants and how they try to pay: with these cards, one after the other, until one is taken.

    `answer` is what they tell a bank that asks. `has_key` says that they send `Idempotency-Key`.
    """

    email: str
    product: str
    due: int
    cards: tuple[str | None, ...]
    answer: str = "accept"
    has_key: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether the buyer has to be told that the last of the cards was refused."""
        return self.cards[-1] in BAD

    @property
    def is_bought(self) -> bool:
        """Whether it has to end with an order."""
        return not self.is_refused and self.answer == "accept"


def crowd(size: int, products: Mapping[str, tuple[str, int]], random: Random, *, name: str) -> Iterator[Wish]:
    """Buyers of `products` (id, and what is due now): most can pay, some cannot, some only with a second card, and some
    are asked by their bank first. A few share an address, and buy what may be bought twice at the same time.
    """
    for number in range(size):
        product, due = products[sold := random.choice(sorted(products))]
        has_twins = sold in ("once", "free") and random.random() < 0.4
        who = f"twin{number % 3}" if has_twins else f"buyer{number}"
        cards: dict[str, tuple[str, ...]] = {
            "good": (random.choice(GOOD),),
            "bad": (random.choice(BAD),),
            "bad, then good": (random.choice(BAD), random.choice(GOOD)),
            "asking": (random.choice(ASKING),),
        }
        way = random.choice(_WAYS_TO_PAY)
        refuses = way == "asking" and sold != "free" and random.random() < 0.3
        yield Wish(
            email=f"{who}-{name}@example.com",
            product=product,
            due=due,
            cards=(None,) if sold == "free" else cards[way],
            answer="refuse" if refuses else "accept",
            has_key=random.random() < 0.5,
        )


@dataclass
class Purchase:
    """What a buyer knows in the end: `acknowledged` by a reply, `found` when they looked, or `refused`."""

    wish: Wish
    session_id: str
    ending: str
    doubted: bool


@dataclass
class Shopfront:
    """The addresses of several API processes behind one name. `seen` counts the replies, by status or as `lost`."""

    client: httpx2.AsyncClient
    base_urls: Sequence[str]
    token: str
    random: Random
    seen: Counter[str] = field(default_factory=Counter)

    async def send(self, method: str, path: str, *, key: str | None = None, **request: Any) -> httpx2.Response | None:
        """The reply of one of the processes; None if there is none, and nobody knows what became of the request."""
        headers = {"authorization": f"Bearer {self.token}"} if path == "/v1/checkouts/" else {}
        if key is not None:
            headers["idempotency-key"] = key
        url = self.random.choice(self.base_urls) + path
        try:
            reply = await self.client.request(method, url, headers=headers, **request)
        except httpx2.TransportError:
            self.seen["lost"] += 1
            return None
        self.seen[str(reply.status_code)] += 1
        if reply.status_code == 500:
            raise AssertionError(f"{method} {path.rpartition('/')[2]} was answered with 500")
        return reply

    async def insist(self, method: str, path: str, expected: int, **request: Any) -> httpx2.Response:
        """The reply with the status expected, after as many requests as it takes; any other refusal is a defect.

        Only the news that a reply was lost for good, after a crash, is returned as well.
        """
        while True:
            reply = await self.send(method, path, **request)
            if reply is not None and (reply.status_code == expected or is_lost_for_good(reply)):
                return reply
            if reply is not None and reply.status_code not in (409, 503):
                raise AssertionError(f"{method} {path}: {reply.status_code} {reply.text}")
            await self.pause()

    async def pause(self) -> None:
        """A moment, before the next try."""
        await asyncio.sleep(self.random.uniform(0.1, 0.5))


class Buyer:
    """One buyer with one session."""

    def __init__(self, shopfront: Shopfront, wish: Wish) -> None:
        self._front = shopfront
        self._wish = wish
        self._secret = ""
        self._doubted = False

    async def buy(self) -> Purchase:
        """Opens a session and pays it, or is refused by the last of the cards."""
        session = await self._open()
        self._secret = session["client_secret"]
        ending = "refused"
        for card in self._wish.cards:
            ending = await self._pay(card)
            if ending != "refused":
                break
        return Purchase(self._wish, session["id"], ending, self._doubted)

    async def _open(self) -> dict[str, Any]:
        """A session. When the reply that named it was lost for good, it is left where it is, and another one opened."""
        while True:
            key = self._key()
            body = {"products": [self._wish.product], "metadata": {"key": key} if key else {}}
            made = await self._front.insist("POST", "/v1/checkouts/", 201, json=body, key=key)
            if made.status_code == 201:
                return dict(made.json())

    async def _pay(self, card: str | None) -> str:
        body = {
            "customer_name": "Ada Lovelace",
            "customer_email": self._wish.email,
            "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": await self._token(card),
        }
        sent = {name: value for name, value in body.items() if value is not None}
        key = self._key()
        while True:
            reply = await self._front.send("POST", f"{self._path}/confirm", json=sent, key=key)
            if reply is not None and reply.status_code == 200:
                await self._answer_the_bank(reply.json())
                return "acknowledged"
            if reply is not None and _error(reply) == "PaymentError":
                return "refused"
            if reply is not None and reply.status_code not in (403, 409, 503):
                raise AssertionError(f"confirm: {reply.status_code} {reply.text}")
            self._doubted = True
            seen = (await self._front.insist("GET", self._path, 200)).json()
            if seen["status"] in PAID:
                await self._answer_the_bank(seen)
                return "found"
            assert reply is None or reply.status_code != 403, f"{reply.text} but it is {seen['status']}"
            if reply is not None and is_lost_for_good(reply):
                key = self._key()
            await self._front.pause()

    async def _token(self, card: str | None) -> str | None:
        """The name of a test card stands for itself; a number is typed into the form and becomes a token."""
        if card is None or card.startswith("pm_"):
            return card
        form = {"number": card, "exp_month": 12, "exp_year": 40, "cvc": "123"}
        made = await self._front.insist("POST", "/sandbox/confirmation-tokens", 200, json=form)
        return str(made.json()["id"])

    async def _answer_the_bank(self, session: dict[str, Any]) -> None:
        told = session["payment_processor_metadata"]
        if told.get("intent_status") == "requires_action":
            where = f"/sandbox/challenges/{told['intent_client_secret']}"
            await self._front.insist("POST", where, 303, data={"answer": self._wish.answer})

    def _key(self) -> str | None:
        return str(uuid.uuid4()) if self._wish.has_key else None

    @property
    def _path(self) -> str:
        return f"/v1/checkouts/client/{self._secret}"


def is_lost_for_good(reply: httpx2.Response) -> bool:
    """Whether the request took effect once, and its reply died with a process: only a new key gets an answer."""
    return _error(reply) == "IdempotentReplyLost"


def _error(reply: httpx2.Response) -> str | None:
    if "json" not in reply.headers.get("content-type", ""):
        return None
    error: str | None = reply.json().get("error")
    return error
