"""Mail: what we ask of a way out for mail, and of a place that keeps it instead."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that travels with a mail."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail, ready to go.

    `message_id` (`local-part@domain`, without angle brackets) makes it harmless to send it again.
    """

    message_id: str
    to: str
    subject: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    sender_name: str
    sender_address: str
    reply_to: str | None = None
    attachments: Sequence[Attachment] = ()


class MailUndelivered(Exception):
    """The mail was not taken. `permanent` tells whether trying again is pointless."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class MailSender(Protocol):
    """A way out for mail."""

    async def send(self, mail: Mail) -> None:
        """Hands the mail over; raises `MailUndelivered`. The same `message_id` again makes no second mail
        where we can tell.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedMail:
    """A mail that was kept instead of sent."""

    id: int
    captured_at: datetime
    mail: Mail


class MailBox(Protocol):
    """Captured mail, for the page that shows it."""

    async def list_mails(self, *, limit: int = 50, offset: int = 0) -> Sequence[CapturedMail]:
        """The newest mails first, without their attachments."""
        ...

    async def count_mails(self) -> int:
        """How many mails are kept."""
        ...

    async def get_mail(self, id: int) -> CapturedMail | None:
        """One mail, whole; None if there is none."""
        ...
