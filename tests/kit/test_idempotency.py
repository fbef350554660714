"""Idempotency keys: one effect, one reply, whatever is sent twice, at once, or dies in between (decision record 10)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from cryptography.exceptions import InvalidTag
from fastapi import Response

from boreal.kit.app import App
from boreal.kit.idempotency import KeptReply, KeyedRequest, forget
from boreal.kit.problems import Problem
from boreal.kit.ratelimit import Limiter
from boreal.surfaces.http import MAX_BODY_BYTES, HttpApp
from tests.kit.keyed import Bench, Gate, dies, effect, refusal
from tests.support.queries import counted
from tests.support.shop import Shop


@pytest.fixture
async def bench(shop: Shop) -> AsyncIterator[Bench]:
    await shop.app.database.pool.execute("CREATE TABLE effects (id int GENERATED ALWAYS AS IDENTITY)")
    made = Bench(shop)
    for _ in range(2):
        limiter = Limiter(shop.clock, per_minute=0)
        made.processes.append(HttpApp(shop.app, routers=[made.routes().router], limiter=limiter))
    yield made


async def test_the_same_request_gets_the_same_reply(bench: Bench) -> None:
    first, second = await bench.post(), await bench.post(process=1)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert (bench.runs, await bench.effects()) == (1, 1)


async def test_location_and_an_empty_body_come_again(bench: Bench) -> None:
    async def act(_app: App) -> Response:
        return Response(status_code=303, headers={"location": "/there", "set-cookie": "a=b", "x-else": "1"})

    bench.act = act
    first, second = await bench.post(), await bench.post()
    assert (second.status_code, second.content, second.headers["location"]) == (303, b"", "/there")
    assert first.headers["set-cookie"] == "a=b"
    assert not {"set-cookie", "x-else"} & second.headers.keys()


async def test_who_sends_no_key_pays_nothing(bench: Bench) -> None:
    await bench.post("warm")
    with counted(bench.shop.app.database) as without:
        assert (await bench.post(None)).json()["number"] == 2
        assert (await bench.post(None)).json()["number"] == 3
    assert [text for text in without if "idempotent" in text] == []
    with counted(bench.shop.app.database) as first:
        await bench.post("k")
    with counted(bench.shop.app.database) as again:
        await bench.post("k")
    assert [text.split()[0] for text in first if "idempotent" in text] == ["INSERT", "UPDATE", "UPDATE"]
    assert [text.split()[0] for text in again if "idempotent" in text] == ["INSERT", "SELECT"]


async def test_reads_have_no_keys(bench: Bench) -> None:
    async with bench.client() as client:
        for _ in range(2):
            await client.get("/v1/things/a", headers={"idempotency-key": "k"})
    assert (bench.runs, await bench.rows()) == (2, [])


CHANGES: list[dict[str, Any]] = [
    {"process": process, **change} for process in (0, 1) for change in ({"json": {"name": "two"}}, {"query": "?x=1"})
]


async def test_another_request_under_the_key_is_refused(bench: Bench) -> None:
    await bench.post()
    for change in CHANGES:
        refused = await bench.post(**change)
        assert (refused.status_code, refused.json()["error"]) == (409, "IdempotencyKeyMismatch")
    bench.act = gate = Gate(after_commit=False)
    running = asyncio.create_task(bench.post("other"))
    await gate.reached.wait()
    for change in CHANGES:
        assert (await bench.post("other", **change)).json()["error"] == "IdempotencyKeyMismatch"
    gate.open.set()
    assert (await running).status_code == 201
    assert await bench.effects() == 2


async def test_keys_of_other_operations_resources_and_callers_are_other_keys(bench: Bench, other_shop: Shop) -> None:
    headers = {"idempotency-key": "k"}
    numbers = []
    async with bench.client() as mine, bench.client(token=other_shop.token) as theirs:
        for client in (mine, theirs):
            for call in (client.post, client.put):
                for path in ("/v1/things/a", "/v1/things/b"):
                    numbers.append((await call(path, json={}, headers=headers)).json()["number"])
    assert numbers == list(range(1, 9))


KEYS = {
    "": "string_too_short",
    " ": "string_too_short",
    "k" * 256: "string_too_long",
    "caf\xe9": "string_pattern_mismatch",
    "a\tb": "string_pattern_mismatch",
    "a\x7f": "string_pattern_mismatch",
}


async def test_what_is_no_key(bench: Bench) -> None:
    async with bench.client() as client:
        for key, kind in KEYS.items():
            sent = [(b"idempotency-key", key.encode("latin-1"))]
            refused = await client.post("/v1/things/a", json={}, headers=sent)
            assert refused.status_code == 422
            (fault,) = refused.json()["detail"]
            assert (fault["loc"], fault["type"]) == (["header", "idempotency-key"], kind)
    assert bench.runs == 0


async def test_what_is_a_key(bench: Bench) -> None:
    keys = ("k", "k" * 255, 'a b ~!"{}', "00000000-0000-4000-8000-000000000000")
    for key in keys:
        assert (await bench.post(key)).content == (await bench.post(key)).content
    assert bench.runs == len(keys)


async def test_a_definitive_refusal_is_kept(bench: Bench) -> None:
    for status in (400, 403, 404, 410, 422):
        bench.runs = 0
        bench.act = refusal(status)
        first = await bench.post(str(status))
        bench.act = effect
        second = await bench.post(str(status))
        assert first.status_code == second.status_code == status
        assert first.content == second.content
        assert (bench.runs, await bench.effects()) == (1, 0)


async def test_after_any_other_the_key_is_free_again(bench: Bench) -> None:
    statuses = (401, 409, 429, 500, 503)
    for status in statuses:
        bench.act = refusal(status)
        assert (await bench.post(str(status))).status_code == status
        bench.act = effect
        assert (await bench.post(str(status))).status_code == 201
        assert (await bench.post(str(status))).headers["idempotent-replayed"] == "true"
    assert (bench.runs, await bench.effects()) == (2 * len(statuses), len(statuses))


async def test_what_cannot_be_parsed_is_kept_too(bench: Bench) -> None:
    first, second = [await bench.post(json={"name": 1}) for _ in range(2)]
    assert first.status_code == second.status_code == 422
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


async def test_a_failure_after_an_effect_never_causes_it_again(bench: Bench) -> None:
    async def act(app: App) -> Any:
        await effect(app)
        raise RuntimeError("too late")

    bench.act = act
    assert (await bench.post()).status_code == 500
    bench.act = effect
    for process in (0, 1):
        lost = await bench.post(process=process)
        assert (lost.status_code, lost.json()["error"]) == (409, "IdempotentReplyLost")
    assert (await bench.rows())[0]["trace"] in lost.json()["detail"]
    assert await bench.effects() == 1


async def test_an_operation_that_asks_to_try_again_may_be_tried_again(bench: Bench) -> None:
    class Busy(Problem):
        status = 409

    async def act(app: App) -> Any:
        await effect(app)
        raise Busy("Try again.")

    bench.act = act
    assert (await bench.post()).json()["error"] == "Busy"
    bench.act = effect
    assert (await bench.post()).status_code == 201


async def test_200_at_once_have_one_effect_and_one_reply(bench: Bench) -> None:
    async def act(app: App) -> Any:
        done = await effect(app)
        await asyncio.sleep(0.1)
        return done

    bench.act = act
    for processes in (1, 2):
        bench.runs = 0
        with counted(bench.shop.app.database) as queries:
            replies = await asyncio.gather(*(bench.post(f"{processes}", process=n % processes) for n in range(200)))
        assert {reply.status_code for reply in replies} == {201}
        assert len({reply.content for reply in replies}) == 1
        assert Counter(reply.headers.get("idempotent-replayed") for reply in replies) == {None: 1, "true": 199}
        assert (bench.runs, await bench.effects()) == (1, processes)
        ours = [text for text in queries if "idempotent" in text]
        assert len(ours) == 3 if processes == 1 else 5 <= len(ours) <= 20, ours
    assert [http.idempotent._turns for http in bench.processes] == [{}, {}]


async def test_who_waits_shares_a_failure(bench: Bench) -> None:
    async def act(app: App) -> Any:
        await asyncio.sleep(0.05)
        return await refusal(503)(app)

    bench.act = act
    replies = await asyncio.gather(*(bench.post() for _ in range(20)))
    assert {reply.status_code for reply in replies} == {503}
    assert bench.runs == 1
    bench.act = effect
    assert (await bench.post()).status_code == 201


async def test_waiting_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.act = gate = Gate(after_commit=True)
    first = asyncio.create_task(bench.post())
    await gate.reached.wait()
    monkeypatch.setattr("boreal.surfaces.idempotent.WAIT_S", 0.05)
    for process in (0, 1):
        busy = await bench.post(process=process)
        assert (busy.status_code, busy.json()["error"]) == (409, "IdempotencyKeyInUse")
        assert busy.headers["retry-after"] == "1"
    monkeypatch.undo()
    gate.open.set()
    assert (await bench.post(process=1)).content == (await first).content
    assert await bench.effects() == 1


async def test_a_process_that_dies_before_its_commit_leaves_the_key_free(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boreal.surfaces.idempotent.WAIT_S", 0.05)
    await dies(bench, after_commit=False)
    for process in (0, 1):
        assert (await bench.post(process=process)).json()["error"] == "IdempotencyKeyInUse"
    bench.shop.clock.advance(timedelta(seconds=31))
    first, second = await bench.post(process=1), await bench.post()
    assert first.status_code == 201
    assert first.content == second.content
    assert (bench.runs, await bench.effects()) == (2, 1)


async def test_who_waits_in_the_same_process_goes_on_when_the_first_dies(bench: Bench) -> None:
    bench.act = gate = Gate(after_commit=False)
    first = asyncio.create_task(bench.post())
    await gate.reached.wait()
    second = asyncio.create_task(bench.post())
    await asyncio.sleep(0.05)
    first.cancel()
    bench.act = effect
    bench.shop.clock.advance(timedelta(seconds=31))
    assert (await second).status_code == 201
    assert await bench.effects() == 1


async def test_a_process_that_dies_after_its_commit_is_never_repeated(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boreal.surfaces.idempotent.WAIT_S", 0.05)
    await dies(bench, after_commit=True)
    assert (await bench.post()).json()["error"] == "IdempotencyKeyInUse"
    bench.shop.clock.advance(timedelta(seconds=31))
    for process in (0, 1):
        assert (await bench.post(process=process)).json()["error"] == "IdempotentReplyLost"
    assert (bench.runs, await bench.effects()) == (1, 1)


async def test_a_run_that_outlives_its_claim_is_not_committed(bench: Bench) -> None:
    bench.act = gate = Gate(after_commit=False)
    slow = asyncio.create_task(bench.post())
    await gate.reached.wait()
    bench.shop.clock.advance(timedelta(seconds=31))
    bench.act = effect
    quick = await bench.post(process=1)
    gate.open.set()
    late = await slow
    assert quick.status_code == 201
    assert (late.status_code, late.json()["error"]) == (409, "IdempotencyKeyInUse")
    assert (await bench.post()).content == quick.content
    assert await bench.effects() == 1


async def test_what_still_runs_after_the_reply_is_not_held_to_the_key(bench: Bench) -> None:
    later: list[asyncio.Task[Any]] = []
    answered = asyncio.Event()

    async def afterwards(app: App) -> None:
        await answered.wait()
        await effect(app)

    async def act(app: App) -> Any:
        later.append(asyncio.create_task(afterwards(app)))
        return await refusal(409)(app)

    bench.act = act
    assert (await bench.post()).status_code == 409
    answered.set()
    await asyncio.gather(*later)
    assert await bench.effects() == 1


async def test_a_reply_that_cannot_be_kept_is_given_all_the_same(bench: Bench) -> None:
    pool = bench.shop.app.database.pool

    async def act(app: App) -> Any:
        done = await effect(app)
        await pool.execute("ALTER TABLE idempotent_replies RENAME TO gone")
        return done

    bench.act = act
    assert (await bench.post()).status_code == 201
    await pool.execute("ALTER TABLE gone RENAME TO idempotent_replies")
    bench.shop.clock.advance(timedelta(seconds=31))
    assert (await bench.post()).json()["error"] == "IdempotentReplyLost"


async def test_a_key_is_remembered_for_24_hours(bench: Bench) -> None:
    first = await bench.post()
    bench.shop.clock.advance(timedelta(hours=23, minutes=59))
    await forget(bench.shop.app.database, now=bench.shop.clock.now())
    assert (await bench.post()).content == first.content
    bench.shop.clock.advance(timedelta(minutes=1))
    other = await bench.post(json={"name": "two"})
    assert other.json()["number"] == 2
    assert (await bench.post(json={"name": "two"})).content == other.content


async def test_what_is_over_is_forgotten(bench: Bench) -> None:
    await bench.post("old")
    bench.shop.clock.advance(timedelta(hours=12))
    await bench.post("young")
    bench.shop.clock.advance(timedelta(hours=12))
    await forget(bench.shop.app.database, now=bench.shop.clock.now())
    assert [row["expires_at"] - bench.shop.clock.now() for row in await bench.rows()] == [timedelta(hours=12)]


async def test_nothing_secret_is_stored_in_the_clear(bench: Bench) -> None:
    shown = (await bench.post("my own key", json={"name": "my own name"})).json()
    (row,) = await bench.rows()
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    for text in (shown["secret"], "number", "my own key", "my own name"):
        assert text.encode() not in stored
    assert isinstance(row["sealed_reply"], bytes) and len(row["sealed_reply"]) > len(shown["secret"])


def test_only_the_same_request_opens_a_reply() -> None:
    def request(secret: bytes = b"s" * 32, who: str = "a", key: str = "k", content: bytes = b"") -> KeyedRequest:
        return KeyedRequest.of(secret, place=(who, "POST", "/v1/things/{name}"), key=key, content=content)

    reply = KeptReply(201, (("content-type", "application/octet-stream"),), b"\n\x00\xff\n")
    sealed = reply.seal(request().opener)
    assert KeptReply.open(sealed, request().opener) == reply
    assert sealed != reply.seal(request().opener)
    others = (request(b"t" * 32), request(who="b"), request(key="l"), request(content=b"x"))
    for other in others:
        with pytest.raises(InvalidTag):
            KeptReply.open(sealed, other.opener)
    assert len({found.id for found in (request(), *others)}) == 4
    assert len({found.fingerprint for found in (request(), *others)}) == 5


async def test_nobody_is_known_by_the_client_secret_in_the_path(bench: Bench) -> None:
    headers = {"idempotency-key": "k"}
    async with bench.client(token="") as here, bench.client(token="", address="192.0.2.2") as there:
        first = await here.post("/v1/things/client/secret_a", json={}, headers=headers)
        moved = await there.post("/v1/things/client/secret_a", json={}, headers=headers)
        assert moved.content == first.content
        changed = await there.post("/v1/things/client/secret_a", json={"name": "two"}, headers=headers)
        assert changed.json()["error"] == "IdempotencyKeyMismatch"
        stranger = await here.post("/v1/things/client/secret_b", json={}, headers=headers)
        assert stranger.json()["number"] == 2


async def test_strangers_without_any_secret_never_meet(bench: Bench) -> None:
    async with bench.client(token="") as here, bench.client(token="", address="192.0.2.2") as there:

        async def number(client: httpx2.AsyncClient, name: str) -> int:
            reply = await client.post("/v1/things/", json={"name": name}, headers={"idempotency-key": "1"})
            assert reply.status_code == 200, reply.text
            found: int = reply.json()["number"]
            return found

        calls = [(here, "a"), (here, "a"), (here, "b"), (there, "a"), (there, "b"), (there, "b")]
        assert [await number(client, name) for client, name in calls] == [1, 1, 2, 3, 4, 4]


async def test_a_body_without_a_length_is_bounded(bench: Bench) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * (MAX_BODY_BYTES // 10)

    async with bench.client() as client:
        reply = await client.post("/v1/things/a", content=endless(), headers={"idempotency-key": "k"})
    assert reply.status_code == 413
    assert (bench.runs, await bench.rows()) == (0, [])
