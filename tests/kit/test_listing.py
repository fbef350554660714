"""Lists: every kind of filter, sorting, paging and totals, through HTTP on PostgreSQL (platform spec 1.3 to 1.5)."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, Authenticator, Subject, visible_to
from boreal.kit.listing import (
    ListQuery,
    ListSpec,
    after,
    any_of,
    before,
    exactly,
    exactly_ignoring_case,
    flag,
    search,
)
from boreal.kit.ratelimit import Limiter
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.surfaces.http import HttpApp
from tests.support.lamps import START, open_lamps
from tests.support.queries import counted

MINE, THEIRS = UUID(int=1), UUID(int=2)


class Wood(StrEnum):
    """What a chair is made of."""

    OAK = "oak"
    PINE = "pine"
    ASH = "ash"


ChairRow = sa.Table(
    "chairs",
    sa.MetaData(),
    sa.Column("id", PgUUID, primary_key=True),
    sa.Column("organization_id", PgUUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("nickname", sa.Text),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("wood", sa.Text, nullable=False),
    sa.Column("legs", sa.Integer, nullable=False),
    sa.Column("sold_at", sa.DateTime(timezone=True)),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
)
C = ChairRow.c

CHAIRS = ListSpec(
    select=sa.select(ChairRow),
    visible=visible_to(C.organization_id),
    key=C.id,
    sorts={"made_at": C.made_at, "name": C.name, "legs": C.legs, "nickname": C.nickname},
    default="-made_at",
    filters=(
        any_of("id", C.id, UUID4),
        any_of("wood", C.wood, Wood),
        flag("is_sold", C.sold_at.is_not(None)),
        exactly("legs", C.legs, int),
        exactly("name", C.name),
        exactly_ignoring_case("email", C.email),
        search("query", C.name, C.nickname, prefix_of=sa.cast(C.id, sa.Text)),
        after("after", C.made_at),
        before("before", C.made_at),
    ),
    metadata=C.metadata,
    sort_name="ChairSortProperty",
)
PLAIN = ListSpec(
    select=sa.select(ChairRow), visible=visible_to(C.organization_id), key=C.id, sorts={}, default=("-made_at",)
)

chairs = Routes("/v1/chairs", tags=("chairs",))


@chairs.get("/", audience=MERCHANT, scopes=(), listing=CHAIRS)
async def list_chairs(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    page = await CHAIRS.fetch(app.database, actor, query)
    return page.envelope([row["name"] for row in page.rows])


@dataclass
class Chairs:
    """The list, and what is in it."""

    app: App
    client: httpx2.AsyncClient

    async def add(self, name: str, **values: Any) -> UUID:
        made = {
            "id": uuid.uuid4(),
            "organization_id": MINE,
            "name": name,
            "nickname": None,
            "email": "",
            "wood": "oak",
            "legs": 4,
            "sold_at": None,
            "made_at": START,
            "metadata": {},
            **values,
        }
        await self.app.database.execute(
            ChairRow.insert().values({c: sa.bindparam(c, type_=C[c].type) for c in made}), **made
        )
        return made["id"]

    async def ask(self, query: str = "") -> Any:
        reply = await self.client.get(f"/v1/chairs/?{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def names(self, query: str = "") -> list[str]:
        body = await self.ask(query)
        assert body["pagination"]["total_count"] == len(body["items"])
        names: list[str] = body["items"]
        return names

    async def faults(self, query: str) -> list[tuple[str, list[Any]]]:
        reply = await self.client.get(f"/v1/chairs/?{query}")
        assert reply.status_code == 422
        return [(fault["type"], fault["loc"]) for fault in reply.json()["detail"]]


@pytest.fixture
async def shelf(kit_dsn: str) -> AsyncIterator[Chairs]:
    async with open_lamps(kit_dsn) as lamps:
        async with lamps.app.database.pool.acquire() as raw:
            create = sa.schema.CreateTable(ChairRow).compile(dialect=postgresql.dialect())
            await raw.execute(f"DROP TABLE IF EXISTS chairs; {create}")

        async def resolve(token_hash: str) -> Actor:
            return Actor(Subject.organization, organization_ids=(MINE,))

        app = replace(lamps.app, authenticator=Authenticator(lamps.app.keyring, lamps.clock, {"": resolve}))
        surface = HttpApp(app, routers=[chairs.router], limiter=Limiter(app.clock, per_minute=0))
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=surface),
            base_url="http://chairs.test",
            headers={"authorization": "Bearer any"},
        )
        yield Chairs(app, client)


async def test_one_value_or_several(shelf: Chairs) -> None:
    a, b, c = [await shelf.add(name, wood=wood) for name, wood in (("a", "oak"), ("b", "pine"), ("c", "ash"))]
    assert await shelf.names(f"id={a}") == ["a"]
    assert sorted(await shelf.names(f"id={a}&id={b}&id={uuid.uuid4()}")) == ["a", "b"]
    assert sorted(await shelf.names("wood=ash&wood=pine")) == ["b", "c"]
    assert await shelf.names(f"id={a}&wood=ash") == []
    assert len(await shelf.names(f"id={a}&id={b}&id={c}&wood=ash&wood=oak")) == 2


async def test_a_list_of_values_is_not_split_at_commas(shelf: Chairs) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    for query in (
        f"id={first},{second}",
        "id=7",
        f"id={first}&id=x",
        "id=2b1e9b52-8f3a-11ef-8f0a-0242ac120002",
        "wood=oak,ash",
        "wood=elm",
        "id=",
    ):
        found = await shelf.faults(query)
        assert all(loc[:2] == ["query", query.partition("=")[0]] for _, loc in found)


async def test_a_flag(shelf: Chairs) -> None:
    await shelf.add("sold", sold_at=START)
    await shelf.add("there")
    assert await shelf.names("is_sold=true") == ["sold"]
    assert await shelf.names("is_sold=false") == ["there"]
    assert len(await shelf.names()) == 2
    assert await shelf.faults("is_sold=perhaps") == [("bool_parsing", ["query", "is_sold"])]


async def test_a_value_as_it_is_and_regardless_of_case(shelf: Chairs) -> None:
    await shelf.add("Ada", legs=3, email="Ada@Example.com")
    await shelf.add("ada", legs=4, email="ben@example.com")
    assert await shelf.names("name=ada") == ["ada"]
    assert await shelf.names("legs=3") == ["Ada"]
    assert await shelf.names("email=aDA%40exAMPLE.com") == ["Ada"]
    assert await shelf.names("email=ada%40example.co") == []
    assert await shelf.faults("legs=three") == [("int_parsing", ["query", "legs"])]


async def test_searching(shelf: Chairs) -> None:
    await shelf.add("Red Chair")
    await shelf.add("blue", nickname="Red's friend")
    known = await shelf.add("100% oak_wood\\x", nickname="Åsa")
    assert sorted(await shelf.names("query=rEd")) == ["Red Chair", "blue"]
    assert await shelf.names("query=d%20c") == ["Red Chair"]
    assert await shelf.names("query=%C3%A5sa") == ["100% oak_wood\\x"]
    for literally in ("100%25", "k_w", "d\\x", "oak_wood\\"):
        assert await shelf.names(f"query={literally}") == ["100% oak_wood\\x"]
    for nowhere in ("1%25oak", "oak__ood", "_____", "%25%25", "\\\\", "\\%25"):
        assert await shelf.names(f"query={nowhere}") == []
    assert await shelf.names(f"query={str(known)[:13].upper()}") == ["100% oak_wood\\x"]
    assert await shelf.names(f"query={str(known)[9:]}") == [], "the beginning of an id, not its middle"
    assert len(await shelf.names("query=")) == 3


async def test_instants_are_compared_strictly_and_need_an_offset(shelf: Chairs) -> None:
    for hours in (0, 1, 2):
        await shelf.add(str(hours), made_at=START + timedelta(hours=hours))
    assert await shelf.names("after=2026-01-15T12:00:00Z") == ["2", "1"]
    assert await shelf.names("before=2026-01-15T14:00:00%2B01:00") == ["0"]
    assert await shelf.names("after=2026-01-15T12:00:00Z&before=2026-01-15T14:00:00Z") == ["1"]
    assert await shelf.names("after=2026-01-15T12:59:59.999999Z&before=2026-01-15T13:00:00.000001Z") == ["1"]
    for extreme in ("0001-01-01T00:00:00%2B14:00", "0001-01-01T00:00:00Z"):
        assert len(await shelf.names(f"after={extreme}")) == 3
    for extreme in ("9999-12-31T23:59:59.999999-14:00", "9999-12-31T23:59:59Z"):
        assert len(await shelf.names(f"before={extreme}")) == 3
    assert await shelf.faults("after=2026-01-15T12:00:00") == [("timezone_aware", ["query", "after"])]
    assert [type_ for type_, _ in await shelf.faults("before=yesterday")] == ["datetime_from_date_parsing"]


async def test_metadata(shelf: Chairs) -> None:
    await shelf.add("a", metadata={"room": "hall", "number": 42, "weight": 1.5, "new": True, "a b[c]": "x"})
    await shelf.add("b", metadata={"room": "attic", "number": 7, "new": False})
    await shelf.add("c")
    assert await shelf.names("metadata[room]=hall") == ["a"]
    assert sorted(await shelf.names("metadata[room]=hall&metadata[room]=attic")) == ["a", "b"]
    assert await shelf.names("metadata[room]=hall&metadata[room]=attic&metadata[new]=false") == ["b"]
    for text in ("number]=42", "weight]=1.5", "new]=true", "a%20b[c]]=x"):
        assert await shelf.names(f"metadata[{text}") == ["a"]
    for text in ("number]=42.0", "number]=4", "new]=True", "Room]=hall", "]=x", "missing]="):
        assert await shelf.names(f"metadata[{text}") == []
    assert len(await shelf.names("metadata[room=hall&metadatax[room]=hall&meta=x")) == 3
    assert await shelf.faults("metadata=hall") == [("dict_type", ["query", "metadata"])], "no key is no filter"
    assert await shelf.names("metadata[room]=attic&legs=4") == ["b"]


async def test_more_keys_than_metadata_can_have(shelf: Chairs) -> None:
    await shelf.add("a", metadata={str(number): 1 for number in range(50)})
    keys = [f"metadata[{number}]=1" for number in range(51)]
    assert await shelf.names("&".join(keys[:50])) == ["a"]
    assert await shelf.faults("&".join(keys)) == [("too_long", ["query", "metadata"])]


async def test_sorting(shelf: Chairs) -> None:
    for name, legs, hours in (("b", 3, 1), ("a", 4, 2), ("c", 3, 3)):
        await shelf.add(name, legs=legs, made_at=START + timedelta(hours=hours))
    assert await shelf.names() == ["c", "a", "b"], "the default"
    assert await shelf.names("sorting=made_at") == ["b", "a", "c"]
    assert await shelf.names("sorting=name") == ["a", "b", "c"]
    assert await shelf.names("sorting=legs&sorting=-name") == ["c", "b", "a"]
    assert await shelf.names("sorting=-legs&sorting=name") == ["a", "b", "c"]
    assert await shelf.names("sorting=name&sorting=name&sorting=-name") == ["a", "b", "c"]


async def test_an_unknown_criterion_is_named_by_its_place(shelf: Chairs) -> None:
    for query, index in (("sorting=size", 0), ("sorting=name&sorting=-size", 1), ("sorting=name,legs", 0)):
        assert await shelf.faults(query) == [("enum", ["query", "sorting", index])]


@pytest.mark.parametrize("criterion", ["made_at", "-made_at", "nickname", "-nickname"])
async def test_pages_hold_every_row_once_when_all_are_alike(shelf: Chairs, criterion: str) -> None:
    for number in range(25):
        await shelf.add(f"{number}", nickname="x" if number % 2 else None)
    seen: list[str] = []
    for page in range(1, 6):
        seen += (await shelf.ask(f"sorting={criterion}&limit=7&page={page}"))["items"]
    assert sorted(seen, key=int) == [str(number) for number in range(25)]
    (ids,) = [[row["name"] for row in await shelf.app.database.fetch(sa.select(C.name).order_by(C.id))]]
    if criterion in ("made_at", "-made_at"):
        assert seen == (ids[::-1] if criterion.startswith("-") else ids), "alike rows follow their id, in the same way"


@pytest.mark.example("platform W13")
async def test_a_page_has_a_hundred_rows_at_most(shelf: Chairs) -> None:
    for number in range(250):
        await shelf.add(str(number))
    body = await shelf.ask("limit=500")
    assert len(body["items"]) == 100
    assert body["pagination"] == {"total_count": 250, "max_page": 3}
    assert len((await shelf.ask("limit=500&page=3"))["items"]) == 50
    assert len((await shelf.ask())["items"]) == 10
    assert (await shelf.ask())["pagination"] == {"total_count": 250, "max_page": 25}


@pytest.mark.parametrize("page", [2, 3, 10**6, 10**30])
async def test_a_page_past_the_end_has_the_true_total(shelf: Chairs, page: int) -> None:
    for number in range(4):
        await shelf.add(str(number), legs=number)
    assert await shelf.ask(f"limit=4&page={page}") == {"items": [], "pagination": {"total_count": 4, "max_page": 1}}
    assert (await shelf.ask(f"legs=3&page={page}"))["pagination"] == {"total_count": 1, "max_page": 1}


async def test_nothing_has_no_pages(shelf: Chairs) -> None:
    assert await shelf.ask() == {"items": [], "pagination": {"total_count": 0, "max_page": 0}}


@pytest.mark.parametrize("query", ["page=0", "limit=0", "page=-1", "limit=-5", "page=x", "limit=1.5", "page="])
async def test_pages_begin_at_one(shelf: Chairs, query: str) -> None:
    ((type_, loc),) = await shelf.faults(query)
    assert loc == ["query", query.partition("=")[0]]
    assert type_ in ("greater_than", "int_parsing")


async def test_what_others_own_is_neither_shown_nor_counted(shelf: Chairs) -> None:
    await shelf.add("mine")
    theirs = await shelf.add("theirs", organization_id=THEIRS, metadata={"a": "b"})
    assert await shelf.names() == ["mine"]
    assert (await shelf.ask("page=2"))["pagination"]["total_count"] == 1
    for query in (f"id={theirs}", "query=theirs", "metadata[a]=b", "name=theirs"):
        assert await shelf.names(query) == []


async def test_how_many_statements_a_list_takes(shelf: Chairs) -> None:
    for number in range(4):
        await shelf.add(str(number))
    for query, statements in (
        ("", 1),
        ("limit=5", 1),
        ("limit=4", 2),
        ("limit=3&page=2", 1),
        ("page=3", 2),
        ("legs=9", 1),
    ):
        with counted(shelf.app.database) as queries:
            await shelf.ask(query)
        assert len(queries) == statements, query


async def test_statements_are_made_once_per_shape_and_not_kept_for_ever(shelf: Chairs) -> None:
    CHAIRS._statements.clear()
    for legs in range(3):
        await shelf.ask(f"legs={legs}&sorting=name")
    assert len(CHAIRS._statements) == 1
    for number in range(1000):
        CHAIRS._statements[number] = CHAIRS._statements[next(iter(CHAIRS._statements))]
    await shelf.ask("sorting=-legs")
    assert len(CHAIRS._statements) == 1


def test_a_list_declares_its_parameters() -> None:
    assert [parameter.name for parameter in CHAIRS.parameters] == [
        *("id", "wood", "is_sold", "legs", "name", "email", "query", "after", "before"),
        *("page", "limit", "sorting"),
    ]
    assert [parameter.name for parameter in PLAIN.parameters] == ["page", "limit"]
