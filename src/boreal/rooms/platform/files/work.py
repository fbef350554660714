"""What happens to files later: deleted ones leave the storage, uploads that nobody completed are given up."""

from datetime import timedelta

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.work import Kind, Later, Work
from boreal.providers.ports import Storage

GIVEN_UP_AFTER = timedelta(days=2)
INTERVAL = timedelta(hours=1)

_GIVE_UP = sa.text(
    """
    UPDATE files SET deleted_at = :now
    WHERE id IN (
        SELECT id FROM files WHERE NOT is_uploaded AND deleted_at IS NULL AND created_at <= :before
        ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)
    RETURNING organization_id, path, upload_id
    """
).bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True)), sa.bindparam("before", type_=sa.DateTime(timezone=True))
)


async def remove_file(app: App, work: Work) -> None:
    """Neither the object of a deleted file nor an upload of it is in the storage any more."""
    storage, path = app.get(Storage), work.payload["path"]
    await storage.abandon(path, upload_id=work.payload["upload_id"])
    await storage.delete(path)


async def give_up_uploads(app: App, work: Work) -> None:
    """Deletes files whose upload was begun two days ago and never completed, and comes back in an hour."""
    now = app.clock.now()
    while True:
        async with app.transaction(work.organization_id) as tx:
            rows = await tx.fetch(_GIVE_UP, now=now, before=now - GIVEN_UP_AFTER)
            for row in rows:
                tx.enqueue("remove_file", payload={"path": row["path"], "upload_id": row["upload_id"]})
        if not rows:
            raise Later(now + INTERVAL, counts=False)


KINDS = {
    "remove_file": Kind(remove_file),
    "give_up_uploads": Kind(give_up_uploads),
}
