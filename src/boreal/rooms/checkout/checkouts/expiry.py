"""Sessions whose hour is over: a sweep marks them, for lists; nobody is told (catalog spec 6.1).

Those of organizations with a test clock are left out: whoever reads one sees that it is over by that clock.
"""

from datetime import timedelta

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.work import Later, Work
from boreal.rooms.checkout.checkouts.tables import CheckoutRow

INTERVAL = timedelta(minutes=15)

_SWEEP = sa.text(
    """
    UPDATE checkouts SET status = 'expired', modified_at = :now
    WHERE id IN (
        SELECT id FROM checkouts WHERE status = 'open' AND expires_at <= :now AND attempt_id IS NULL
            AND organization_id NOT IN (SELECT organization_id FROM test_clocks)
        ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
    """
).bindparams(sa.bindparam("now", type_=CheckoutRow.c.expires_at.type))


async def sweep(app: App, _work: Work) -> None:
    """Kind of work `expire_checkouts`: marks what is over, a thousand at a time, and comes back in 15 minutes."""
    while await app.database.execute(_SWEEP, now=app.clock.now()) == "UPDATE 1000":
        pass
    raise Later(app.clock.now() + INTERVAL, counts=False)
