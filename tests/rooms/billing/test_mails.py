"""What customers are told by mail of orders and subscriptions, once each (orders spec 1.9, platform spec 10.2)."""

from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from boreal.kit.work import Work
from boreal.providers.ports.mail import Mail, MailBox
from boreal.rooms.billing.correspondence.orders import send_order_mail
from tests.support.catalog import FREE, fixed, make_product
from tests.support.checkout import VISA, good, open_session
from tests.support.organizations import send_mails, set_subscription_settings
from tests.support.shop import Shop, client_of
from tests.support.subscribers import (
    DECLINES_LATER,
    MONTHLY,
    changed,
    forget_methods,
    last_order,
    restore_methods,
    subscribe,
    told,
)
from tests.support.tokens import session

TRIAL = {"trial_interval": "day", "trial_interval_count": 7}
BORN = ["subscription.created", "subscription.active", "subscription.updated"]
PAID = ["order.created", "order.updated", "order.paid"]
INVOICED = "order.updated"


async def mails(shop: Shop) -> list[Mail]:
    """All mails so far, whole, the oldest first."""
    box = shop.app.get(MailBox)
    found = [await box.get_mail(kept.id) for kept in reversed(await box.list_mails(limit=100))]
    return [kept.mail for kept in found if kept is not None]


async def subjects(shop: Shop) -> list[str]:
    return [mail.subject for mail in await mails(shop)]


async def test_a_purchase_is_confirmed_with_its_invoice(shop: Shop) -> None:
    await send_mails(shop)
    bought = await open_session(shop, await make_product(shop, fixed(1000)))
    await bought.pay()
    order = await bought.order()
    assert await told(shop) == [*PAID, INVOICED]
    (mail,) = await mails(shop)
    assert (mail.to, mail.subject) == ("ada@example.com", "Your receipt from Acme: Pro")
    (invoice,) = mail.attachments
    assert (invoice.filename, invoice.content_type) == (f"Invoice-{order['invoice_number']}.pdf", "application/pdf")
    assert order["invoice_number"] in PdfReader(BytesIO(invoice.content)).pages[0].extract_text()
    assert order["is_invoice_generated"] is True
    again = Work(0, shop.organization_id, "send_order_mail", None, {"subject_id": order["id"]}, 1, 0, None)
    await send_order_mail(shop.app, again)
    assert (await mails(shop), await told(shop)) == ([mail], [])


async def test_without_billing_details_there_is_no_invoice(shop: Shop) -> None:
    await send_mails(shop)
    bought = await open_session(shop, await make_product(shop, FREE), customer_email="ada@example.com")
    await bought.pay(None, customer_name=None, customer_billing_address=None)
    (mail,) = await mails(shop)
    assert mail.attachments == ()
    assert await told(shop) == PAID


@pytest.mark.parametrize(
    "switch", ["subscription_confirmation", "subscription_cycled", "subscription_cancellation", "subscription_revoked"]
)
async def test_each_mail_has_its_switch(shop: Shop, switch: str) -> None:
    await send_mails(shop, but=(switch,))
    bought = await subscribe(shop)
    await shop.advance(days=31)
    await changed(shop, bought["id"], cancel_at_period_end=True)
    await shop.advance(days=28)
    expected = {
        "subscription_confirmation": "You are subscribed to Pro",
        "subscription_cycled": "Your receipt from Acme: Pro renewed",
        "subscription_cancellation": "Your subscription to Pro ends on March 15, 2026",
        "subscription_revoked": "Your subscription to Pro has ended",
    }
    assert await subjects(shop) == [subject for name, subject in expected.items() if name != switch]


async def test_a_canceled_subscription_can_be_kept(shop: Shop) -> None:
    await send_mails(shop)
    bought = await subscribe(shop)
    await changed(shop, bought["id"], cancel_at_period_end=True)
    await changed(shop, bought["id"], cancel_at_period_end=False)
    _, canceled, kept = await mails(shop)
    assert canceled.subject == "Your subscription to Pro ends on February 15, 2026"
    assert "You keep Pro until February 15, 2026." in canceled.text
    assert kept.subject == "Your subscription to Pro goes on"
    assert "renewed on February 15, 2026" in kept.text
    assert "customer_session_token=" in kept.text


async def test_a_revocation_is_one_mail(shop: Shop) -> None:
    await send_mails(shop)
    bought = await subscribe(shop)
    await changed(shop, bought["id"], revoke=True)
    assert (await subjects(shop))[1:] == ["Your subscription to Pro has ended"]


async def test_a_failed_renewal_and_its_recovery(shop: Shop) -> None:
    await send_mails(shop)
    await set_subscription_settings(shop, benefit_revocation_grace_period=3)
    await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY, **TRIAL), card=DECLINES_LATER)
    await shop.advance(days=7, minutes=1)
    started, *rest = await mails(shop)
    assert started.subject == "Your trial of Pro has started"
    overdue = next(mail for mail in rest if mail.subject == "Your payment to Acme failed: Pro")
    invoice = next(mail for mail in rest if mail.subject == "Your invoice from Acme: Pro")
    assert "It is not paid yet." in invoice.text
    for line in (
        "Due: $10.00",
        "The payment was refused: ",
        "We try again on January 24, 2026.",
        "You keep access until January 25, 2026.",
        "Your subscription ends on February 12, 2026 if it is not paid by then.",
        "See what is due:\nhttp://boreal.test/acme/portal?customer_session_token=",
    ):
        assert line in overdue.text
    assert "$10.00" in overdue.html
    await shop.advance(days=2)  # a later failure is no news
    assert len(await mails(shop)) == 1 + len(rest)
    order = await last_order(shop)
    async with client_of(shop.boreal, await session(shop, order["customer_id"])) as portal:
        url = f"/v1/customer-portal/orders/{order['id']}/confirm-payment"
        assert good(await portal.post(url, json={"confirmation_token_id": VISA}))["status"] == "succeeded"
    await shop.settle()
    received = (await mails(shop))[-1]
    assert received.subject == "Payment received: Pro goes on"
    assert "Paid: $10.00" in received.text
    assert len(await mails(shop)) == 2 + len(rest)


async def test_dunning_that_ends_says_so(shop: Shop) -> None:
    await send_mails(shop)
    await subscribe(shop)
    await forget_methods(shop)
    await shop.advance(days=31)
    assert "Until it is paid, your access is paused." in (await mails(shop))[1].text
    await shop.advance(days=21)
    assert (await subjects(shop))[-1] == "Your subscription to Pro has ended"
    await restore_methods(shop)


@pytest.mark.parametrize(
    ("behavior", "subject", "sentence"),
    [
        ("prorate", "Your subscription is now Max", "is on your next invoice, on February 15, 2026"),
        ("invoice", "Your subscription is now Max", "is settled here"),
    ],
)
async def test_another_plan_is_told_once(shop: Shop, behavior: str, subject: str, sentence: str) -> None:
    await send_mails(shop)
    bought = await subscribe(shop)
    dear = await make_product(shop, fixed(3000), name="Max", **MONTHLY)
    await changed(shop, bought["id"], product_id=dear["id"], proration_behavior=behavior)
    await shop.advance(minutes=1)  # the mail waits for the charge, to say how that ended
    _, mail = await mails(shop)
    assert mail.subject == subject
    assert sentence in mail.text
    assert bool(mail.attachments) is (behavior == "invoice")


async def test_the_first_charge_after_a_trial_and_the_last_renewal(shop: Shop) -> None:
    await send_mails(shop)
    bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY, **TRIAL))
    await shop.advance(days=7)
    assert (await subjects(shop))[-1] == "Your receipt from Acme: your trial of Pro is over"
    assert "It renews on February 22, 2026, at $10.00 every month before tax." in (await mails(shop))[-1].text
    await shop.client.delete(f"/v1/customers/{bought['customer_id']}")
    await shop.settle()
    assert len(await mails(shop)) == 2  # who is gone gets no mail


def _dark(html: str) -> bool:
    return "prefers-color-scheme: dark" in html


async def test_notices_load_nothing_and_follow_the_dark_mode(shop: Shop) -> None:
    await send_mails(shop)
    bought = await subscribe(shop)
    await changed(shop, bought["id"], revoke=True)
    for mail in await mails(shop):
        assert _dark(mail.html)
        assert "<link" not in mail.html
        assert "\n\n\n" not in mail.text
    rows: Any = await shop.app.database.fetch(sa.text("SELECT message_id FROM captured_mails"))
    assert len({row["message_id"] for row in rows}) == len(rows) == 2
