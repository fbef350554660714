"""What the rooms declare fits together: nothing is asked for that nobody does."""

from collections.abc import Iterable
from dataclasses import fields
from typing import get_type_hints

import pytest

from boreal.core.webhooks import OwnEventType, WebhookEventType
from boreal.kit.db import Database
from boreal.kit.facts import Renderers
from boreal.kit.room import Room
from boreal.kit.tx import Noun, Nouns
from boreal.main import ROOMS
from tests.support.shop import settings

NOUNS = [noun for room in ROOMS for noun in room.nouns]
LIVING = [noun for noun in NOUNS if noun.transitions is not None]


def named(items: Iterable[Noun | Room]) -> list[str]:
    return [item.name for item in items]


def test_a_room_declares_nothing_unless_it_says_so() -> None:
    empty, other = Room("empty"), Room("other")
    assert (empty.nouns, empty.routes, empty.recurring) == ((), (), ())
    assert empty.kinds == empty.reactions == empty.renderers == empty.renderers_with(settings()) == {}
    assert empty.kinds is not other.kinds


def test_every_reaction_and_everything_recurring_is_work_that_somebody_does() -> None:
    kinds = {name for room in ROOMS for name in room.kinds}
    for room in ROOMS:
        assert set(room.recurring) <= set(room.kinds)
        for fact, names in room.reactions.items():
            assert set(names) <= kinds, f"{room.name} reacts to {fact}"
            assert len(set(names)) == len(names)


def test_every_webhook_that_has_a_shape_has_a_renderer() -> None:
    parts = [{**room.renderers, **room.renderers_with(settings())} for room in ROOMS]
    renderers = Renderers({name: renderer for part in parts for name, renderer in part.items()})
    shapes = {event for room in ROOMS for event in room.payload_schemas}
    assert shapes
    assert shapes <= {event.value for event in (*WebhookEventType, *OwnEventType)}
    assert {event for event in shapes if renderers.of(event) is None} == set()


def test_names_are_declared_once() -> None:
    for of in (
        lambda room: [noun.name for noun in room.nouns],
        lambda room: [noun.table.name for noun in room.nouns],
        lambda room: room.kinds,
        lambda room: room.payload_schemas,
        lambda room: room.resolvers,
    ):
        names = [name for room in ROOMS for name in of(room)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("noun", NOUNS, ids=named(NOUNS))
def test_a_noun_and_its_table_have_the_same_members(noun: Noun) -> None:
    Nouns([noun])
    assert {item.name for item in fields(noun.record)} <= set(noun.table.c.keys())
    assert [item.name for item in fields(noun.record) if not noun.record.__dataclass_params__.frozen] == []


@pytest.mark.parametrize("noun", LIVING, ids=named(LIVING))
def test_a_lifecycle_knows_every_status_and_no_other(noun: Noun) -> None:
    assert noun.transitions is not None
    statuses = {status.value for status in get_type_hints(noun.record)["status"]}
    assert {str(status) for status in noun.transitions if status is not None} <= statuses
    reached = {str(status) for after in noun.transitions.values() for status in after}
    assert reached <= statuses
    assert noun.transitions[None], "it can be born"


async def test_invariants_can_be_asked_and_hold_where_there_is_nothing(dsn: str) -> None:
    database = await Database.connect(dsn, pool_size=2)
    try:
        for room in ROOMS:
            for name, query in room.invariants.items():
                assert await database.fetch(query) == [], name
    finally:
        await database.close()
