"""Credentials of every kind, good and bad, as `Authorization` headers (platform spec 2.1, 2.2).

A bearer value that is nobody's is refused whatever the operation. What is no bearer value at all is as good as no
header. The rest are good, each for what it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.scopes import AvailableScope
from boreal.kit.secrets import new_token
from boreal.rooms.platform.public import create_token
from tests.support.organizations import block
from tests.support.shop import Shop, client_of, found_shop

EVERYTHING = frozenset(scope.value for scope in AvailableScope)
"""Every scope that a token can be given."""

KINDS = frozenset({"", "polar_cst_"})
"""The prefixes whose tokens can be good; all others share "". A kind that is missing here has no test of isolation."""

NO_BEARER: dict[str, bytes | None] = {
    "nothing": None,
    "an empty header": b"",
    "a scheme alone": b"Bearer",
    "a blank value": b"Bearer    ",
    "another scheme": b"Basic dXNlcjpwYXNzd29yZA==",
    "no scheme": new_token("polar_oat_").encode(),
    "no space": b"Bearer" + new_token("polar_oat_").encode(),
    "bytes beyond ASCII": b"Bearer polar_oat_\xe9\xff\x80",
    "letters beyond ASCII": "Bearer polar_oat_ключ".encode(),
}
"""Headers that count as none."""

UNKNOWN: dict[str, bytes] = {
    "one letter": b"Bearer x",
    "two words": b"Bearer polar_oat_ polar_oat_",
    "punctuation": b"Bearer ';--\"\\%00%s{}",
    "control characters": b"Bearer polar_oat_\x01\x7f",
    "a whole page": b"Bearer " + b"a" * 8000,
    "a prefix alone": b"Bearer polar_cst_",
    **{
        f"an unknown {prefix}": f"Bearer {new_token(prefix)}".encode()
        for prefix in (
            "polar_oat_",
            "polar_pat_",
            "polar_us_",
            "polar_cst_",
            "polar_mst_",
            "polar_at_u_",
            "polar_at_o_",
        )
    },
}
"""Bearer values that never were anybody's."""

SPENT = (
    "a revoked token",
    "an expired token",
    "a token with one letter changed",
    "a token of a blocked organization",
    "a token of a deleted organization",
    "an expired session",
    "a session of a deleted customer",
    "a session at a blocked organization",
)
"""The names of the bearer values that were somebody's and are not any more; see `spend`."""

_DELETE_ORGANIZATION = sa.text("UPDATE organizations SET deleted_at = now() WHERE id = :id").bindparams(
    sa.bindparam("id", type_=PgUUID)
)


@dataclass(frozen=True)
class Token:
    """An organization access token: its id, and the secret itself."""

    id: str
    secret: str


async def issue(shop: Shop, scopes: Iterable[str] = EVERYTHING, *, expires_in: timedelta | None = None) -> Token:
    """A new token of the shop with these scopes."""
    shown, secret = await create_token(
        shop.app, organization_id=shop.organization_id, comment="Issued", scopes=sorted(scopes), expires_in=expires_in
    )
    return Token(str(shown["id"]), secret)


async def session(shop: Shop, customer_id: str) -> str:
    """A new session of a customer of the shop."""
    reply = _good(await shop.client.post("/v1/customer-sessions/", json={"customer_id": customer_id}), 201)
    return str(reply.json()["token"])


def bearer(token: str) -> bytes:
    """The header of a token."""
    return f"Bearer {token}".encode()


async def spend(shop: Shop) -> dict[str, bytes]:
    """A header for each of `SPENT`: each was good a moment ago and none is any more; other tokens still are.

    The shop's clock goes on by two hours: sessions that were started before are over. Tokens are remembered from now
    on, as in a process that hears of revocations.
    """
    secrets = {**await _end(shop), **await _bar(shop)}
    secrets["a token with one letter changed"] = shop.token[:-1] + ("b" if shop.token.endswith("a") else "a")
    return {name: bearer(secrets[name]) for name in SPENT}


async def _end(shop: Shop) -> dict[str, str]:
    """Tokens that were remembered when they were revoked, expired, or lost who they belong to."""
    shop.app.authenticator.hear(True)
    revoked, gone = await issue(shop), await _customer(shop, "gone@example.com")
    tokens = {
        "a revoked token": revoked.secret,
        "an expired token": (await issue(shop, expires_in=timedelta(hours=1))).secret,
        "an expired session": await session(shop, await _customer(shop, "late@example.com")),
        "a session of a deleted customer": await session(shop, gone),
    }
    await _assert_good(shop, tokens)
    _good(await shop.client.delete(f"/v1/organization-access-tokens/{revoked.id}"), 204)
    _good(await shop.client.delete(f"/v1/customers/{gone}"), 204)
    await _assert_refused(shop, tokens["a revoked token"], tokens["a session of a deleted customer"])
    shop.clock.set(shop.clock.now() + timedelta(hours=2))
    return tokens


async def _bar(shop: Shop) -> dict[str, str]:
    """Tokens whose organization was blocked or deleted behind the API's back, so that nothing forgets them at once."""
    shop.app.authenticator.hear(False)
    blocked = await found_shop(shop.boreal, shop.clock, slug="blocked")
    deleted = await found_shop(shop.boreal, shop.clock, slug="deleted")
    tokens = {
        "a token of a blocked organization": blocked.token,
        "a token of a deleted organization": deleted.token,
        "a session at a blocked organization": await session(blocked, await _customer(blocked, "ada@example.com")),
    }
    await _assert_good(shop, tokens)
    await block(blocked)
    await shop.app.database.execute(_DELETE_ORGANIZATION, id=deleted.organization_id)
    shop.app.authenticator.hear(True)
    return tokens


async def _answer(shop: Shop, token: str) -> httpx2.Response:
    async with client_of(shop.boreal, token) as client:
        return await client.get("/v1/customer-portal/orders/" if token.startswith("polar_cst_") else "/v1/products/")


async def _assert_good(shop: Shop, tokens: Mapping[str, str]) -> None:
    for token in tokens.values():
        _good(await _answer(shop, token), 200)


async def _assert_refused(shop: Shop, *tokens: str) -> None:
    for token in tokens:
        _good(await _answer(shop, token), 401)


async def _customer(shop: Shop, email: str) -> str:
    return str(_good(await shop.client.post("/v1/customers/", json={"email": email}), 201).json()["id"])


def _good(reply: httpx2.Response, status: int) -> httpx2.Response:
    assert reply.status_code == status, reply.text
    return reply
