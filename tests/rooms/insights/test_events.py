"""Reading events: lists, trees, names and types."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.checkout import good
from tests.support.shop import START, Shop
from tests.support.usage import ingest, make_customer, make_meter, named


async def listed(shop: Shop, **parameters: Any) -> dict[str, Any]:
    return good(await shop.client.get("/v1/events/", params=parameters))


async def shown(shop: Shop, **parameters: Any) -> list[str]:
    """The names of the events of a list, sorted; how many it says there are is right."""
    page = await listed(shop, limit=100, **parameters)
    counted = await listed(shop, limit=1, **parameters)
    assert counted["pagination"]["total_count"] == len(page["items"]) == page["pagination"]["total_count"]
    return sorted(item["name"] for item in page["items"])


def ago(seconds: int) -> str:
    return (START - timedelta(seconds=seconds)).isoformat()


async def plant(shop: Shop) -> dict[str, dict[str, Any]]:
    """The tree of the example, by name."""
    costs = {"R": 1, "C1": 2, "C2": None, "G": 4}
    parents = {"C1": "R", "C2": "R", "G": "C1"}
    events = [
        {
            "name": name,
            "external_id": name,
            **({"parent_id": parents[name]} if name in parents else {}),
            "metadata": {} if cost is None else {"_cost": {"amount": cost, "currency": "usd"}},
        }
        for name, cost in costs.items()
    ]
    assert await ingest(shop, *events) == {"inserted": 4, "duplicates": 0}
    return {item["name"]: item for item in (await listed(shop))["items"]}


@pytest.mark.example("usage E7")
async def test_trees(shop: Shop) -> None:
    tree = await plant(shop)
    root = tree["R"]["id"]
    assert {name: item["child_count"] for name, item in tree.items()} == {"R": 3, "C1": 1, "C2": 0, "G": 0}
    assert tree["G"]["parent_id"] == tree["C1"]["id"]
    assert await shown(shop) == await shown(shop, parent_id=root) == ["C1", "C2", "G", "R"]
    assert await shown(shop, depth=0) == ["R"]
    assert await shown(shop, depth=1) == ["C1", "C2", "R"]
    assert await shown(shop, depth=2) == ["C1", "C2", "G", "R"]
    assert await shown(shop, parent_id=root, depth=1) == ["C1", "C2"]
    assert await shown(shop, parent_id=root, depth=0) == []
    assert await shown(shop, parent_id=root, depth=5) == ["C1", "C2", "G"]
    assert await shown(shop, parent_id=tree["C1"]["id"], depth=1) == ["G"]
    page = await listed(shop, aggregate_fields="_cost.amount")
    costs = {item["name"]: item["metadata"].get("_cost") for item in page["items"]}
    assert costs == {
        "R": {"amount": "7", "currency": "usd"},
        "C1": {"amount": "6", "currency": "usd"},
        "C2": None,
        "G": {"amount": "4", "currency": "usd"},
    }
    alone = good(await shop.client.get(f"/v1/events/{root}"))
    assert (alone["child_count"], alone["metadata"]) == (3, {"_cost": {"amount": "1", "currency": "usd"}})


async def test_what_a_trace_costs(shop: Shop, other_shop: Shop) -> None:
    tree = await plant(shop)
    least, most = "0.000000000001", "99999.999999999999"
    await ingest(
        shop,
        {"name": "C1", "parent_id": "C2", "metadata": {"_cost": {"amount": least, "currency": "usd"}}},
        {"name": "dear", "parent_id": "G", "metadata": {"_cost": {"amount": most, "currency": "usd"}}},
        {"name": "dear", "parent_id": "G", "metadata": {"_cost": {"amount": most, "currency": "usd"}}},
    )

    async def costs(name: str) -> dict[str, Any]:
        return good(await shop.client.get(f"/v1/events/{tree[name]['id']}/costs"))

    assert await costs("R") == {
        "event_id": tree["R"]["id"],
        "amount": "200006.999999999999",
        "currency": "usd",
        "events": 7,
        "names": [
            {"name": "dear", "amount": "199999.999999999998", "events": 2},
            {"name": "G", "amount": "4", "events": 1},
            {"name": "C1", "amount": "2.000000000001", "events": 2},
            {"name": "R", "amount": "1", "events": 1},
            {"name": "C2", "amount": "0", "events": 1},
        ],
    }
    assert ((await costs("C1"))["amount"], (await costs("C1"))["events"]) == ("200005.999999999998", 4)
    assert ((await costs("C2"))["amount"], (await costs("C2"))["events"]) == (least, 2)
    path = f"/v1/events/{tree['R']['id']}/costs"
    assert (await other_shop.client.get(path)).status_code == 404


async def test_other_filters_hold_for_roots_and_for_what_is_below(shop: Shop) -> None:
    await plant(shop)
    await ingest(
        shop,
        {"name": "R", "external_id": "other", "metadata": {"plan": "pro"}},
        {"name": "C1", "parent_id": "other", "metadata": {"plan": "pro"}},
        {"name": "C2", "parent_id": "other"},
    )
    assert await shown(shop, depth=1, **{"metadata[plan]": "pro"}) == ["C1", "R"]
    assert await shown(shop, depth=1, name="C1") == []
    assert await shown(shop, depth=1, name=["R", "C1"]) == ["C1", "C1", "R", "R"]
    assert await shown(shop, depth=0, name="R") == ["R", "R"]


async def test_a_customer_is_meant_by_either_id(shop: Shop, other_shop: Shop) -> None:
    ada, bob = await make_customer(shop, "ada"), await make_customer(shop)
    await ingest(shop, {"name": "a"}, {"name": "b", "customer_id": ada["id"]}, {"name": "c", "customer_id": bob["id"]})
    await ingest(shop, {"name": "d", "external_customer_id": "nobody_yet"})
    await ingest(other_shop, {"name": "x"})
    assert await shown(shop) == ["a", "b", "c", "d"]
    assert await shown(shop, customer_id=ada["id"]) == await shown(shop, external_customer_id="ada") == ["a", "b"]
    assert await shown(shop, customer_id=[ada["id"], bob["id"]]) == ["a", "b", "c"]
    assert await shown(shop, external_customer_id="nobody_yet") == ["d"]
    assert await shown(shop, customer_id=bob["id"], external_customer_id="ada") == []
    assert await shown(shop, customer_id=ada["id"], name=["b", "c"]) == ["b"]
    assert await shown(other_shop, customer_id=ada["id"]) == []
    assert await shown(other_shop, organization_id=str(shop.organization_id)) == []
    assert await shown(other_shop, external_customer_id="ada") == ["x"]
    (event,) = (await listed(shop, name="a"))["items"]
    assert event["customer"]["id"] == ada["id"]
    assert (event["customer_id"], event["external_customer_id"]) == (None, "ada")
    assert (await listed(shop, name="d"))["items"][0]["customer"] is None
    await make_customer(shop, "nobody_yet")
    assert (await listed(shop, name="d"))["items"][0]["customer"]["external_id"] == "nobody_yet"
    missing = await other_shop.client.get(f"/v1/events/{event['id']}")
    assert missing.status_code == 404


async def test_filters(shop: Shop) -> None:
    organization = {"organization_id": str(shop.organization_id)}
    await make_customer(shop, "ada")
    await ingest(
        shop,
        {"name": "call", "timestamp": ago(30), "metadata": {"model": "lite", "n": 10, "ok": True}},
        {"name": "call.deep", "timestamp": ago(20), "metadata": {"model": "full", "n": 1.5}},
        {"name": "visit", "timestamp": ago(10), "external_customer_id": "bob", "metadata": {"page": "about us"}},
    )
    assert await shown(shop, start_timestamp=ago(20)) == ["visit"]
    assert await shown(shop, end_timestamp=ago(20)) == ["call"]
    assert await shown(shop, start_timestamp=ago(31), end_timestamp=ago(10)) == ["call", "call.deep"]
    assert await shown(shop, source="user") == ["call", "call.deep", "visit"]
    assert await shown(shop, source="system") == []
    assert await shown(shop, **{"metadata[n]": ["10", "1.5"]}) == ["call", "call.deep"]
    assert await shown(shop, **{"metadata[n]": "10", "metadata[ok]": "true"}) == ["call"]
    assert await shown(shop, query="CALL.", **organization) == ["call.deep"]
    assert await shown(shop, query="about", **organization) == ["visit"]
    assert await shown(shop, query="ada@example", **organization) == ["call", "call.deep"]
    assert await shown(shop, filter='{"conjunction":"and","clauses":[]}') == ["call", "call.deep", "visit"]
    clause = '{"property":"metadata.n","operator":"gt","value":5}'
    assert await shown(shop, filter=f'{{"conjunction":"or","clauses":[{clause}]}}') == ["call"]
    meter = await make_meter(shop, "sum", "n", filter=named("call.deep"))
    assert await shown(shop, meter_id=meter["id"]) == ["call.deep"]
    assert await shown(shop, meter_id=meter["id"], name="call") == []


@pytest.mark.parametrize(
    ("query", "type_", "loc"),
    [
        ({"filter": "["}, "json_invalid", []),
        ({"filter": '{"clauses":[]}'}, "missing", ["conjunction"]),
        ({"query": "x"}, "query", ["query", "query"]),
        ({"meter_id": "5bd2b7a0-0c3b-4e11-8d3c-0c9f8f0b1c55"}, "meter_id", ["query", "meter_id"]),
        ({"depth": 6}, "less_than_equal", ["query", "depth"]),
        ({"start_timestamp": "2026-01-01T00:00:00"}, "timezone_aware", ["query", "start_timestamp"]),
        ({"sorting": "name"}, "enum", ["query", "sorting", 0]),
    ],
)
async def test_refusals(shop: Shop, query: dict[str, Any], type_: str, loc: list[Any]) -> None:
    reply = await shop.client.get("/v1/events/", params=query)
    assert reply.status_code == 422, reply.text
    fault = reply.json()["detail"][0]
    assert (fault["type"], fault["loc"][: len(loc)]) == (type_, loc)


async def test_pages_with_and_without_a_count(shop: Shop) -> None:
    await ingest(shop, *({"name": f"e{number}", "timestamp": ago(number)} for number in range(7)))
    second = await listed(shop, limit=3, page=2)
    assert [item["name"] for item in second["items"]] == ["e3", "e4", "e5"]
    assert second["pagination"] == {"total_count": 7, "max_page": 3}
    assert [item["name"] for item in (await listed(shop, limit=3, sorting="timestamp"))["items"]] == ["e6", "e5", "e4"]
    assert (await listed(shop, page=99))["pagination"]["total_count"] == 7
    more = await listed(shop, limit=3, page=2, cursor_pagination=True)
    assert (len(more["items"]), more["pagination"]) == (3, {"has_next_page": True})
    last = await listed(shop, limit=3, page=3, cursor_pagination=True)
    assert (len(last["items"]), last["pagination"]) == (1, {"has_next_page": False})


async def test_names(shop: Shop, other_shop: Shop) -> None:
    await ingest(shop, {"timestamp": ago(9)}, {"timestamp": ago(5)}, {"name": "visit", "external_customer_id": "bob"})
    await ingest(other_shop, {"name": "secret"})

    async def names(**parameters: Any) -> list[tuple[str, int]]:
        page = good(await shop.client.get("/v1/events/names", params=parameters))
        assert page["pagination"]["total_count"] == len(page["items"])
        return [(item["name"], item["occurrences"]) for item in page["items"]]

    assert await names() == [("visit", 1), ("call", 2)]
    assert await names(sorting="-occurrences") == [("call", 2), ("visit", 1)]
    assert await names(query="ISI") == [("visit", 1)]
    assert await names(external_customer_id="ada") == [("call", 2)]
    assert await names(source="system") == []
    assert await names(organization_id=str(other_shop.organization_id)) == []
    (call,) = good(await shop.client.get("/v1/events/names", params={"query": "call"}))["items"]
    assert (call["first_seen"], call["last_seen"]) == ("2026-01-15T11:59:51Z", "2026-01-15T11:59:55Z")


async def test_types_and_labels(shop: Shop, other_shop: Shop) -> None:
    tree = await plant(shop)
    await ingest(shop, {"name": "G", "metadata": {"title": "A root", "flag": True}, "external_customer_id": "bob"})

    async def types(**parameters: Any) -> dict[str, int]:
        page = good(await shop.client.get("/v1/event-types/", params=parameters))
        assert page["pagination"]["total_count"] == len(page["items"])
        return {item["name"]: item["occurrences"] for item in page["items"]}

    assert await types() == {"R": 1, "C1": 1, "C2": 1, "G": 2}
    assert await types(root_events=True) == {"R": 1, "G": 1}
    assert await types(parent_id=tree["R"]["id"]) == {"C1": 1, "C2": 1}
    assert await types(external_customer_id="bob") == {"G": 1}
    assert await types(source="system") == {}
    assert await types(query="c1") == {"C1": 1}
    (found,) = good(await shop.client.get("/v1/event-types/", params={"query": "G"}))["items"]
    assert (found["label"], found["label_property_selector"], found["source"]) == ("G", None, "user")

    async def rename(of: Shop = shop, **body: Any) -> Any:
        return await of.client.patch(f"/v1/event-types/{found['id']}", json=body)

    async def labels() -> list[str]:
        return sorted(item["label"] for item in (await listed(shop, name="G"))["items"])

    renamed = good(await rename(label=" Generation ", label_property_selector="title"))
    assert (renamed["label"], renamed["label_property_selector"]) == ("Generation", "title")
    assert await labels() == ["A root", "Generation"]
    assert good(await rename(label="G2", label_property_selector=" "))["label_property_selector"] is None
    assert await labels() == ["G2", "G2"]
    good(await rename(label="G3", label_property_selector="_cost.amount"))
    assert await labels() == ["4", "G3"]
    assert good(await rename(label="G4"))["label_property_selector"] is None
    assert await types(query="g4") == {"G": 2}
    assert (await rename(label="  ")).status_code == 422
    assert (await rename(label="x" * 129)).status_code == 422
    assert (await rename(other_shop, label="Mine")).status_code == 404
