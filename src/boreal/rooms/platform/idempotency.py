"""Forgetting the replies that were kept under idempotency keys once their day is over."""

from datetime import timedelta

from boreal.kit import idempotency
from boreal.kit.app import App
from boreal.kit.work import Kind, Later, Work

INTERVAL = timedelta(hours=1)


async def forget_idempotent_replies(app: App, _work: Work) -> None:
    """Deletes what is older than a day, and comes back in an hour."""
    now = app.clock.now()
    await idempotency.forget(app.database, now=now)
    raise Later(now + INTERVAL, counts=False)


FORGET = {"forget_idempotent_replies": Kind(forget_idempotent_replies)}
