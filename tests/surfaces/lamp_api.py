"""A small API on the real HTTP surface: lamps that nobody sells."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2
from fastapi import Response
from pydantic import Field

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PORTAL, PUBLIC, Actor, Authenticator, Subject
from boreal.kit.problems import Fault, Invalid, NotPermitted, Problem, ResourceNotFound
from boreal.kit.ratelimit import Limiter
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, Integer, MetadataInput, Schema
from boreal.kit.settings import Settings
from boreal.surfaces.http import HttpApp
from tests.support.clock import SteadyClock
from tests.support.lamps import START, open_lamps

MERCHANT_TOKEN, READER_TOKEN, CUSTOMER_TOKEN = "polar_oat_all", "polar_oat_shades", "polar_cst_a"
ORGANIZATION, CUSTOMER = UUID(int=1), UUID(int=2)
ACTORS = {
    MERCHANT_TOKEN: Actor(Subject.organization, frozenset({"lamps:write"}), (ORGANIZATION,), UUID(int=10)),
    READER_TOKEN: Actor(Subject.organization, frozenset({"shades:read"}), (ORGANIZATION,), UUID(int=11)),
    CUSTOMER_TOKEN: Actor(
        Subject.customer, frozenset({"customer_portal:write"}), (ORGANIZATION,), customer_id=CUSTOMER
    ),
}
READ = ("lamps:read", "lamps:write")


class Burnt(Problem):
    """A lamp that cannot be lit again."""

    status = 410


class LampCreate(Schema):
    """A new lamp."""

    name: str
    watts: Integer = 5
    metadata: MetadataInput = Field(default_factory=dict)


lamps = Routes("/v1/lamps", tags=("lamps",))
others = Routes("", tags=("others",))


@lamps.get("/", audience=MERCHANT, scopes=READ, name="list")
async def list_lamps(limit: int = 10) -> list[int]:
    return list(range(limit))


@lamps.post("/", audience=MERCHANT, scopes=("lamps:write",), status=201)
async def create(actor: Actor, body: LampCreate) -> dict[str, Any]:
    return {**body.model_dump(), "organization_id": actor.organization_id}


@lamps.get("/{id}", audience=MERCHANT, scopes=READ)
async def get(id: UUID4) -> dict[str, Any]:
    return {"id": id}


@lamps.delete("/{id}", audience=MERCHANT, scopes=("lamps:write",), status=204)
async def delete(id: UUID4) -> None:
    return None


@lamps.get("/external/{external_id}", audience=MERCHANT, scopes=READ)
async def get_external(external_id: str, note: str | None = None) -> dict[str, Any]:
    return {"external_id": external_id, "note": note}


@lamps.get("/broken/{how}", audience=PUBLIC, scopes=())
async def broken(app: App, how: str) -> Response:
    problems: Mapping[str, Exception] = {
        "missing": ResourceNotFound(),
        "forbidden": NotPermitted("Not at night"),
        "burnt": Burnt("It has burnt out"),
        "invalid": Invalid(
            Fault(("body", "watts"), "Too bright.", input=900), Fault(("body", "name"), "Taken.", type="name_taken")
        ),
        "bug": ZeroDivisionError("secret words"),
        "away": ConnectionRefusedError(),
    }
    raise problems[how]


@others.get("/v1/shades", audience=PORTAL, scopes=("customer_portal:write",))
async def shades(actor: Actor) -> dict[str, Any]:
    return {"customer_id": actor.customer_id}


@others.post("/v1/switch", audience=PUBLIC, scopes=())
async def switch(actor: Actor) -> dict[str, Any]:
    return {"who": actor.kind}


@others.post("/v1/customer-portal/license-keys/validate", audience=PUBLIC, scopes=())
async def validate() -> dict[str, Any]:
    return {}


@dataclass
class LampApi:
    """The running surface, and its time."""

    surface: HttpApp
    clock: SteadyClock

    def client(self, token: str | None = MERCHANT_TOKEN, *, address: str = "192.0.2.1") -> httpx2.AsyncClient:
        """A client of the surface, at an address."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        transport = httpx2.ASGITransport(app=self.surface, client=(address, 4711), raise_app_exceptions=True)
        return httpx2.AsyncClient(transport=transport, base_url="http://lamps.test", headers=headers)


@asynccontextmanager
async def open_lamp_api(dsn: str, **values: Any) -> AsyncIterator[LampApi]:
    """The API on a database; `values` are settings."""
    settings = Settings(**{"rate_limit_per_minute": 0, **values})
    clock = SteadyClock(START)
    async with open_lamps(dsn, clock=clock) as world:

        async def resolve(token_hash: str) -> Actor | None:
            await asyncio.sleep(0)
            return next((a for token, a in ACTORS.items() if world.app.keyring.hash_token(token) == token_hash), None)

        app = replace(
            world.app, settings=settings, authenticator=Authenticator(world.app.keyring, clock, {"": resolve})
        )
        limiter = Limiter(clock, per_minute=settings.rate_limit_per_minute)
        yield LampApi(HttpApp(app, routers=[lamps.router, others.router], limiter=limiter), clock)
