"""What a room declares about itself in its `room.py`: everything that `main` has to wire up."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from boreal.kit.auth import Resolver
from boreal.kit.db import Database
from boreal.kit.facts import Renderer
from boreal.kit.routing import Routes
from boreal.kit.settings import Settings
from boreal.kit.tx import Noun
from boreal.kit.work import Kind


@dataclass(frozen=True)
class Room:
    """One room's manifest.

    `renderers` maps a fact, or a noun for all its facts, to how its payload is read (`renderers_with`: those that need
    to know the settings). `kinds` are the kinds of work it does; those in `recurring` wait once for the whole
    installation and come back by themselves. `reactions` maps a fact to the kinds of work that follow it, `recorders`
    are those that follow facts with notes, once per organization. `resolvers` maps a token prefix to its look-up.
    `invariants` are queries that must return no rows, `verifications` what takes more than one query to find such rows.
    `payload_schemas` maps a webhook event to the shape of its `data`.
    """

    name: str
    nouns: tuple[Noun, ...] = ()
    routes: tuple[Routes, ...] = ()
    renderers: Mapping[str, Renderer] = field(default_factory=dict)
    renderers_with: Callable[[Settings], Mapping[str, Renderer]] = lambda settings: {}
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    recurring: tuple[str, ...] = ()
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recorders: tuple[str, ...] = ()
    resolvers: Mapping[str, Callable[[Database], Resolver]] = field(default_factory=dict)
    invariants: Mapping[str, sa.sql.base.Executable] = field(default_factory=dict)
    verifications: Mapping[str, Callable[[Database], Awaitable[Sequence[Mapping[str, Any]]]]] = field(
        default_factory=dict
    )
    payload_schemas: Mapping[str, Any] = field(default_factory=dict)
