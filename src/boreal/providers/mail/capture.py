"""Mail that is kept instead of sent: what a sandbox does, so that nobody gets mail and everybody can look at it."""

import base64
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from boreal.kit.clock import Clock
from boreal.kit.db import Database, Record, metadata
from boreal.providers.ports import Attachment, CapturedMail, Mail

CapturedMailRow = sa.Table(
    "captured_mails",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False, unique=True),
    sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sender_name", sa.Text, nullable=False),
    sa.Column("sender_address", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),
    sa.Column("attachments", postgresql.JSONB, nullable=False, comment="content as base64"),
)

_WRITTEN = tuple(column.name for column in CapturedMailRow.c if column.name != "id")
_INSERT = (
    postgresql.insert(CapturedMailRow)
    .values({name: sa.bindparam(name, type_=CapturedMailRow.c[name].type) for name in _WRITTEN})
    .on_conflict_do_nothing(index_elements=["message_id"])
)
_LIST = (
    sa.select(*(column for column in CapturedMailRow.c if column.name != "attachments"))
    .order_by(CapturedMailRow.c.id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .offset(sa.bindparam("offset", type_=sa.Integer))
)
_COUNT = sa.select(sa.func.count()).select_from(CapturedMailRow)
_GET = sa.select(CapturedMailRow).where(CapturedMailRow.c.id == sa.bindparam("id"))


class MailCapture:
    """Both the way out and the box that it ends in."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Keeps the mail; one with the same `message_id` is there already and stays as it is."""
        await self._database.execute(
            _INSERT,
            message_id=mail.message_id,
            captured_at=self._clock.now(),
            recipient=mail.to,
            subject=mail.subject,
            html=mail.html,
            text=mail.text,
            sender_name=mail.sender_name,
            sender_address=mail.sender_address,
            reply_to=mail.reply_to,
            attachments=[_packed(attachment) for attachment in mail.attachments],
        )

    async def list_mails(self, *, limit: int = 50, offset: int = 0) -> Sequence[CapturedMail]:
        """The newest mails first, without their attachments."""
        return [_captured(row, ()) for row in await self._database.fetch(_LIST, limit=limit, offset=offset)]

    async def count_mails(self) -> int:
        """How many mails are kept."""
        count: int = await self._database.fetchval(_COUNT)
        return count

    async def get_mail(self, id: int) -> CapturedMail | None:
        """One mail with its attachments; None if there is none."""
        row = await self._database.fetchrow(_GET, id=id)
        return None if row is None else _captured(row, [_unpacked(packed) for packed in row["attachments"]])


def _captured(row: Record, attachments: Sequence[Attachment]) -> CapturedMail:
    mail = Mail(
        message_id=row["message_id"],
        to=row["recipient"],
        subject=row["subject"],
        html=row["html"],
        text=row["text"],
        sender_name=row["sender_name"],
        sender_address=row["sender_address"],
        reply_to=row["reply_to"],
        attachments=tuple(attachments),
    )
    return CapturedMail(id=row["id"], captured_at=row["captured_at"], mail=mail)


def _packed(attachment: Attachment) -> dict[str, str]:
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "content": base64.b64encode(attachment.content).decode(),
    }


def _unpacked(packed: dict[str, Any]) -> Attachment:
    return Attachment(
        filename=packed["filename"],
        content_type=packed["content_type"],
        content=base64.b64decode(packed["content"]),
    )
