"""Cards of the sandbox: tokens made from a form, and the methods that come of them."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from boreal.kit.db import Record
from boreal.kit.secrets import new_token
from boreal.providers.payments.sandbox.cards import TestCard, card_by_name
from boreal.providers.payments.sandbox.form import CheckedCard
from boreal.providers.payments.sandbox.identity import Identity
from boreal.providers.payments.sandbox.step import Step
from boreal.providers.payments.sandbox.tables import SandboxMethodRow, SandboxTokenRow
from boreal.providers.ports import MethodSource, MethodUnusable, NewMethod, ProcessorRefused

TOKEN_LIFETIME = timedelta(hours=1)
TOKEN_PREFIX = "ctoken_"

_CARD_COLUMNS = ("behaviour", "brand", "last4", "exp_month", "exp_year", "fingerprint", "country", "funding")
_NAMED_CARD_YEARS = 5


def _insert(table: sa.Table, *names: str) -> sa.Insert:
    return sa.insert(table).values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})


_INSERT_TOKEN = _insert(SandboxTokenRow, "id", *_CARD_COLUMNS, "expires_at")
_SELECT_TOKEN = sa.select(SandboxTokenRow).where(SandboxTokenRow.c.id == sa.bindparam("id")).with_for_update()
_USE_TOKEN = (
    sa.update(SandboxTokenRow)
    .where(SandboxTokenRow.c.id == sa.bindparam("token"))
    .values(used_at=sa.bindparam("now", type_=sa.DateTime(timezone=True)))
)
_INSERT_METHOD = _insert(SandboxMethodRow, "id", *_CARD_COLUMNS, "created_at").returning(SandboxMethodRow)
_SELECT_KEPT = sa.select(SandboxMethodRow).where(
    SandboxMethodRow.c.id == sa.bindparam("id"),
    SandboxMethodRow.c.customer_id == sa.bindparam("customer"),
    SandboxMethodRow.c.detached_at.is_(None),
)
_KEEP = (
    sa.update(SandboxMethodRow)
    .where(SandboxMethodRow.c.id == sa.bindparam("method"))
    .values(customer_id=sa.bindparam("customer", type_=sa.Text))
)
_DETACH = (
    sa.update(SandboxMethodRow)
    .where(SandboxMethodRow.c.id == sa.bindparam("method"), SandboxMethodRow.c.detached_at.is_(None))
    .values(detached_at=sa.bindparam("now", type_=sa.DateTime(timezone=True)))
)

LIST_KEPT = (
    sa.select(SandboxMethodRow)
    .where(SandboxMethodRow.c.customer_id == sa.bindparam("customer"), SandboxMethodRow.c.detached_at.is_(None))
    .order_by(SandboxMethodRow.c.created_at.desc(), SandboxMethodRow.c.id)
)
"""The methods kept for a customer, newest first."""


async def store_token(step: Step, checked: CheckedCard) -> str:
    """Keeps everything of the card but its number, under a new token."""
    token = new_token(TOKEN_PREFIX)
    columns = _columns(checked.card, checked.exp_month, checked.exp_year, step.identity)
    await step.connection.execute(_INSERT_TOKEN, id=token, **columns, expires_at=step.now + TOKEN_LIFETIME)
    return token


async def resolve(step: Step, source: MethodSource, *, customer: str, origin: str) -> Record:
    """The row of the method to pay with; a token is used up by it.

    Raises `MethodUnusable` for a saved method that is not the customer's (any more), and `ProcessorRefused` for a token
    that is unknown, used or expired.
    """
    if not isinstance(source, NewMethod):
        kept = await find_kept(step, source.id, customer=customer)
        if kept is None:
            raise MethodUnusable()
        return kept
    named = card_by_name(source.token)
    if named is not None:
        columns = _columns(named, 12, step.now.year + _NAMED_CARD_YEARS, step.identity)
    else:
        token = await _use_token(step, source.token)
        columns = {name: token[name] for name in _CARD_COLUMNS}
    method = await step.connection.fetchrow(
        _INSERT_METHOD, id=step.identity.new_id("pm", origin), **columns, created_at=step.now
    )
    assert method is not None
    return method


async def find_kept(step: Step, method: str, *, customer: str) -> Record | None:
    """The row of a method that is kept for this customer."""
    return await step.connection.fetchrow(_SELECT_KEPT, id=method, customer=customer)


async def keep(step: Step, method: str, *, customer: str) -> None:
    """From now on the method is the customer's and set up for off-session payments."""
    await step.connection.execute(_KEEP, method=method, customer=customer)


async def detach(step: Step, method: str) -> None:
    """The method can no longer be used."""
    await step.connection.execute(_DETACH, method=method, now=step.now)


async def _use_token(step: Step, token: str) -> Record:
    row = await step.connection.fetchrow(_SELECT_TOKEN, id=token)
    if row is None:
        raise ProcessorRefused("resource_missing", "The card details are not known. Please enter them again.")
    if row["used_at"] is not None:
        raise ProcessorRefused("token_already_used", "The card details were used already. Please enter them again.")
    if row["expires_at"] <= step.now:
        raise ProcessorRefused("token_expired", "The card details have expired. Please enter them again.")
    await step.connection.execute(_USE_TOKEN, token=token, now=step.now)
    return row


def _columns(card: TestCard, exp_month: int, exp_year: int, identity: Identity) -> dict[str, Any]:
    return {
        "behaviour": card.behaviour,
        "brand": card.brand,
        "last4": card.number[-4:],
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": identity.fingerprint(card.number),
        "country": card.country,
        "funding": card.funding,
    }
