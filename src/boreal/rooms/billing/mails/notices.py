"""Short mails that are no bill: what became of a subscription, and an invitation to a seat (platform spec 10.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from boreal.kit.formats import format_day, format_money
from boreal.rooms.billing.mails.drawing import Line, RenderedMail, draw, say


class Notice(StrEnum):
    """What there is to tell of a subscription; each has a switch in `customer_email_settings` (`switch`)."""

    UPDATED = "subscription_updated"
    CANCELLATION = "subscription_cancellation"
    UNCANCELED = "subscription_uncanceled"
    PAST_DUE = "subscription_past_due"
    REVOKED = "subscription_revoked"

    @property
    def switch(self) -> str:
        """The member of `customer_email_settings` that switches it off."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """An order that could not be collected: what is due, why, and when it is tried again.

    `access_ends_at`: until when the customer keeps what they have; None if that is over. `given_up_at`: when the
    subscription ends if nothing is paid.
    """

    amount: int
    currency: str
    invoice_number: str
    reason: str | None
    next_attempt_at: datetime | None
    given_up_at: datetime | None
    access_ends_at: datetime | None


def render_notice(
    notice: Notice,
    *,
    merchant: str,
    product: str,
    url: str,
    day: datetime,
    overdue: Overdue | None = None,
    locale: str = "en",
) -> RenderedMail:
    """A notice about a subscription. `url` opens the portal; `day` is when it ends, goes on or is billed next."""
    names: dict[str, Any] = {"merchant": merchant, "product": product, "day": format_day(day, locale)}
    return draw(
        "notice",
        subject=say(f"{notice}.subject", **names),
        merchant=merchant,
        heading=say(f"{notice}.heading", **names),
        intro=say(f"{notice}.intro", **names),
        lines=_lines(overdue, locale) if overdue is not None else (),
        notes=_notes(overdue, locale) if overdue is not None else (),
        button=say("button.pay" if overdue is not None else "button.subscription"),
        url=url,
        small=say("why", merchant=merchant),
    )


def render_seat_mail(*, merchant: str, product: str, url: str) -> RenderedMail:
    """The invitation to a seat of a product; `url` claims it (orders spec 14.2)."""
    return draw(
        "notice",
        subject=say("seat_invitation.subject", merchant=merchant, product=product),
        merchant=merchant,
        heading=say("seat_invitation.heading"),
        intro=say("seat_invitation.intro", product=product),
        lines=(),
        notes=(),
        button=say("button.claim"),
        url=url,
        small=say("seat_invitation.lasts"),
    )


def _lines(overdue: Overdue, locale: str) -> Sequence[Line]:
    return (
        Line(say("label.number"), overdue.invoice_number),
        Line(say("line.due"), format_money(overdue.amount, overdue.currency, locale), "total"),
    )


def _notes(overdue: Overdue, locale: str) -> Sequence[str]:
    said = [say("overdue.reason", reason=overdue.reason)] if overdue.reason else []
    if overdue.next_attempt_at is not None:
        said.append(say("overdue.next", day=format_day(overdue.next_attempt_at, locale)))
    if overdue.access_ends_at is not None:
        said.append(say("overdue.access", day=format_day(overdue.access_ends_at, locale)))
    else:
        said.append(say("overdue.no_access"))
    if overdue.given_up_at is not None:
        said.append(say("overdue.end", day=format_day(overdue.given_up_at, locale)))
    return said
