"""Batches of events and filters from hell: nothing is half stored, and a filter means the same wherever it is asked.

Bodies that are wrong all over are tried in `test_bodies.py`. Here most of a batch is right: its events are of customers
that exist or do not, come twice, have parents in the batch, in the store or nowhere, and one of them may be spoilt.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from boreal.core.filters import FilterConjunction, FilterOperator, Occurrence, matches, parse
from boreal.kit.db import metadata as tables
from tests.fuzz.effort import FULL, explore
from tests.fuzz.junk import TEXTS, junk, text_of
from tests.fuzz.test_bodies import check_refusal
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter

UNKNOWN = "0b5e3f3c-7e0f-4a8e-9a26-3b2f8c1d4e5f"
NUMBERS: list[Any] = [0, -1, 2, 2.5, -0.0, 0.1, 1e22, 1e-320, 1.7e308, 2**53 + 1, 2**63 - 1, -(2**63) + 1]
WORDS = [word for word in TEXTS if 1 <= len(word) <= 500 and "\x00" not in word]
KEYS = ["v", "w", "name", "timestamp", "%", "a.b", "", *WORDS[:12]]
TIMES = ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59.999999-12:00"]

_STATE = sa.text(
    " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*) AS rows, max(xmin::text::bigint) AS latest FROM {name}"
        for name in sorted(tables.tables)
        if name.startswith(("event", "meter", "customer_meters", "work"))
    )
)
_EVENTS = sa.text("SELECT count(*) FROM events WHERE source = 'user'")


@st.composite
def events(draw: DrawFn, customer_id: str) -> dict[str, Any]:
    """An event that is right by itself."""
    names = ["call", "", "n" * 128, *WORDS[:10]]
    known = [None, "k1", "k2", "k3", "x" * 3000, "\u202e"]
    values = st.sampled_from(NUMBERS) | st.sampled_from(WORDS) | st.booleans() | st.integers(-(2**62), 2**62)
    made: dict[str, Any] = {
        "name": draw(st.sampled_from(names)),
        "metadata": draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=3)),
    }
    if draw(st.booleans()):
        made["metadata"]["_cost"] = {"amount": draw(st.sampled_from(["0.025", 3, 1e-12])), "currency": "usd"}
    for key, choices in (("external_id", known), ("parent_id", [None, None, None, *known]), ("timestamp", TIMES)):
        if draw(st.booleans()):
            made[key] = draw(st.sampled_from(choices))
    if made.get("timestamp", "") is None:
        del made["timestamp"]
    if draw(st.booleans()):
        made["customer_id"] = draw(st.sampled_from([customer_id, customer_id, customer_id, UNKNOWN]))
    else:
        made["external_customer_id"] = draw(st.sampled_from(["ada", "b", ""]))
    return made


@st.composite
def bodies(draw: DrawFn, customer_id: str) -> bytes:
    """A batch, of which one event may be spoilt."""
    batch: list[Any] = draw(st.lists(events(customer_id), max_size=6))
    if batch and draw(st.integers(0, 2)) == 0:
        place = draw(st.integers(0, len(batch) - 1))
        part = draw(st.sampled_from([None, "metadata", *batch[place]]))
        if part is None:
            batch[place] = draw(junk)
        elif part == "metadata":
            batch[place]["metadata"] = {**batch[place]["metadata"], draw(st.sampled_from(KEYS)): draw(junk)}
        else:
            batch[place][part] = draw(junk)
    return text_of({"events": batch})


@dataclass
class Inlet:
    """Where batches are sent, with what was said of them."""

    shop: Shop
    taken: int = 0
    refused: int = 0

    async def send(self, body: bytes) -> None:
        """All of it is stored or nothing is."""
        database = self.shop.app.database
        before, stored = await self._state(), await database.fetchval(_EVENTS)
        headers = {"content-type": "application/json"}
        reply = await self.shop.client.post("/v1/events/ingest", content=body, headers=headers)
        if reply.status_code == 200:
            told = reply.json()
            assert told["inserted"] + told["duplicates"] == len(json.loads(body)["events"])
            assert await database.fetchval(_EVENTS) == stored + told["inserted"]
            self.taken += 1
        else:
            assert reply.status_code == 422, (reply.status_code, reply.text)
            check_refusal(reply)
            assert await self._state() == before, reply.text
            self.refused += 1

    async def _state(self) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in await self.shop.app.database.fetch(_STATE)}


@pytest.mark.timeout(3600 if FULL else 120)
async def test_a_batch_is_taken_as_a_whole_or_not_at_all(shop: Shop) -> None:
    ada = await make_customer(shop, "ada")
    for func in ("count", "sum", "unique"):  # held against the events after the test
        await make_meter(shop, func, None if func == "count" else "v")
    await shop.settle()
    inlet = Inlet(shop)
    await explore(bodies(ada["id"]), inlet.send)
    assert inlet.taken and inlet.refused, "what is only ever refused, or never, was hardly tried"
    await shop.settle()


FIELDS = ["name", "source", "timestamp", "metadata.v", "v", "w", "_cost", "%", "a.b", ""]
VALUES: list[Any] = ["", "1", "2.5", "%", "_", "\\", "true", "call", "İ", "😀", "x" * 1000, 1, -1, 0, 2**31 - 1, True]
SEEN: list[Mapping[str, Any]] = [
    {"name": "call", "metadata": {"v": 1, "w": "1"}},
    {"name": "Call", "metadata": {"v": True, "w": 2.5}},
    {"name": "%", "metadata": {"v": "true", "w": "a_b"}},
    {"name": "", "metadata": {"v": 1e308, "a.b": -1}},
    {"name": "😀", "metadata": {"v": "\\", "%": "İ", "_cost": {"amount": "1", "currency": "usd"}}},
    {"name": "\u00e9", "metadata": {"v": 0.1, "w": False}},
]

clauses: SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "property": st.sampled_from(FIELDS),
        "operator": st.sampled_from([item.value for item in FilterOperator]),
        "value": st.sampled_from(VALUES),
    }
)
filters: SearchStrategy[Any] = st.recursive(
    st.builds(lambda one: {"conjunction": "and", "clauses": [one]}, clauses),
    lambda inner: st.fixed_dictionaries(
        {
            "conjunction": st.sampled_from([item.value for item in FilterConjunction]),
            "clauses": st.lists(clauses | inner, max_size=3),
        }
    ),
    max_leaves=8,
)


@st.composite
def documents(draw: DrawFn) -> tuple[Any, bool]:
    """A filter, and whether it is right for all that we know: every third has a part that is not."""
    document = draw(filters)
    if draw(st.integers(0, 2)):
        return document, True
    at: Any = document
    while True:
        inner = [item for item in at["clauses"] if "clauses" in item]
        if not inner or draw(st.booleans()):
            break
        at = draw(st.sampled_from(inner))
    part = draw(st.sampled_from(["conjunction", "clauses", "property", "operator", "value"]))
    clause = next((item for item in at["clauses"] if "property" in item), None)
    (at if part in at or clause is None else clause)[part] = draw(junk)
    return document, False


@dataclass
class Asker:
    """Asks for events by a filter, and for meters with it."""

    shop: Shop
    seen: list[Occurrence] = field(default_factory=list)
    taken: int = 0
    refused: int = 0

    async def ask(self, drawn: tuple[Any, bool]) -> None:
        document, is_right = drawn
        text = text_of(document)
        listed = None
        if len(text) < 20_000 and b"\xed" not in text:  # else no address holds it
            listed = await self.shop.client.get("/v1/events/", params={"filter": text.decode()})
        body = b'{"name": "odd", "aggregation": {"func": "count"}, "filter": ' + text + b"}"
        headers = {"content-type": "application/json"}
        made = await self.shop.client.post("/v1/meters/", content=body, headers=headers)
        if made.status_code != 201:
            assert (made.status_code, is_right) == (422, False), made.text
            check_refusal(made)
            assert listed is None or listed.status_code == 422, listed.text
            self.refused += 1
            return
        self.taken += 1
        condition = parse(made.json()["filter"])
        expected = sum(matches(condition, seen) for seen in self.seen)
        assert listed is not None and good(listed)["pagination"]["total_count"] == expected, document
        now = self.shop.clock.now().isoformat()
        days = {"start_timestamp": now, "end_timestamp": now, "interval": "day"}
        shown = good(await self.shop.client.get(f"/v1/meters/{made.json()['id']}/quantities", params=days))
        assert shown["total"] == expected, document
        good(await self.shop.client.patch(f"/v1/meters/{made.json()['id']}", json={"is_archived": True}))


@pytest.mark.timeout(3600 if FULL else 120)
async def test_a_filter_means_the_same_wherever_it_is_asked(shop: Shop) -> None:
    await ingest(shop, *SEEN)
    now = shop.clock.now()
    asker = Asker(shop, [Occurrence(item["name"], "user", now, item["metadata"]) for item in SEEN])
    await explore(documents(), asker.ask)
    assert asker.taken and asker.refused
    await shop.settle()
