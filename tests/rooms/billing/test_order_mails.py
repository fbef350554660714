"""The mail that every new order brings about (orders spec 1.9, platform spec 10.2)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.core.organizations import DEFAULT_CUSTOMER_EMAIL_SETTINGS
from boreal.kit.work import Work, WorkRow
from boreal.providers.mail.capture import MailCapture
from boreal.providers.ports.mail import Mail, MailSender, MailUndelivered
from boreal.rooms.billing.orders.work import send_order_mail
from boreal.rooms.platform.public import OrganizationRow
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.shop import Shop, client_of


@pytest.fixture
def box(shop: Shop) -> MailCapture:
    """Where the mail of the shop ends up."""
    capture = MailCapture(shop.app.database, clock=shop.clock)
    shop.app.adapters[MailSender] = capture
    return capture


async def sent(box: MailCapture) -> list[Mail]:
    """All mail so far, oldest first."""
    return [captured.mail for captured in reversed(await box.list_mails())]


async def test_a_purchase_is_confirmed_by_mail(shop: Shop, box: MailCapture) -> None:
    customer = await make_customer(shop, name="Ada", billing_address={"country": "FR", "city": "Paris"})
    order = await buy(shop, customer, await make_product(shop, "Field Book"), tax_amount=200)
    assert await sent(box) == []
    await shop.settle()
    (mail,) = await sent(box)
    assert mail.message_id == f"order-{order['id']}@boreal.localhost"
    assert mail.to == "ada@example.com"
    assert mail.sender_name == "Acme (via Boreal)"
    assert mail.sender_address == "acme@boreal.localhost"
    assert "Field Book" in mail.html
    assert order["invoice_number"] in mail.text
    assert "$12.00" in mail.text


async def test_its_link_opens_the_portal(shop: Shop, box: MailCapture) -> None:
    customer = await make_customer(shop)
    order = await buy(shop, customer, await make_product(shop))
    await shop.settle()
    (mail,) = await sent(box)
    (link,) = {word for word in mail.text.split() if "/portal?" in word}
    address = urlsplit(link)
    assert (address.netloc, address.path) == ("boreal.test", "/acme/portal")
    query = parse_qs(address.query)
    assert query["email"] == ["ada@example.com"]
    async with client_of(shop.boreal, query["customer_session_token"][0]) as portal:
        reply = await portal.get("/v1/customer-portal/orders/")
    assert [item["id"] for item in reply.json()["items"]] == [order["id"]]


@pytest.mark.parametrize(
    ("switch", "product", "values"),
    [
        ("order_confirmation", {}, {}),
        ("subscription_confirmation", MONTHLY, {}),
        ("subscription_confirmation", MONTHLY, {"trial_days": 7}),
    ],
)
async def test_an_organization_can_switch_it_off(
    shop: Shop, box: MailCapture, switch: str, product: dict[str, Any], values: dict[str, Any]
) -> None:
    sold, customer = await make_product(shop, **product), await make_customer(shop)
    others = dict.fromkeys(DEFAULT_CUSTOMER_EMAIL_SETTINGS, False) | {switch: True}
    await _set_mails(shop, others)
    await buy(shop, customer, sold, **values)
    await shop.settle()
    assert len(await sent(box)) == 1
    await _set_mails(shop, DEFAULT_CUSTOMER_EMAIL_SETTINGS | {switch: False})
    await buy(shop, customer, sold, **values)
    await shop.settle()
    assert len(await sent(box)) == 1


async def _set_mails(shop: Shop, settings: dict[str, bool]) -> None:
    await shop.app.database.execute(
        sa.update(OrganizationRow).values(
            customer_email_settings=sa.bindparam("settings", type_=OrganizationRow.c.customer_email_settings.type)
        ),
        settings=settings,
    )


def work(shop: Shop, order: dict[str, Any]) -> Work:
    payload = {"fact": "order.created", "subject_id": order["id"]}
    return Work(1, shop.organization_id, "send_order_mail", None, payload, 1, 0, None)


async def test_running_twice_sends_once(shop: Shop, box: MailCapture) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    await shop.settle()
    await send_order_mail(shop.app, work(shop, order))
    assert len(await sent(box)) == 1


async def test_nobody_writes_to_a_deleted_customer(shop: Shop, box: MailCapture) -> None:
    customer = await make_customer(shop)
    await buy(shop, customer, await make_product(shop))
    assert (await shop.client.delete(f"/v1/customers/{customer['id']}")).status_code == 204
    await shop.settle()
    assert await sent(box) == []


class Refusing:
    """A way out that takes no mail."""

    def __init__(self, *, permanent: bool) -> None:
        self.permanent = permanent
        self.asked = 0

    async def send(self, mail: Mail) -> None:
        self.asked += 1
        raise MailUndelivered("mailbox unavailable", permanent=self.permanent)


@pytest.mark.parametrize(("permanent", "waiting"), [(False, 1), (True, 0)])
async def test_what_cannot_be_delivered_now_is_tried_again_and_what_never_can_is_let_go(
    shop: Shop, permanent: bool, waiting: int
) -> None:
    out = shop.app.adapters[MailSender] = Refusing(permanent=permanent)
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    await shop.settle()
    assert out.asked == 1
    rows = await shop.app.database.fetch(sa.select(WorkRow).where(WorkRow.c.kind == "send_order_mail"))
    assert len(rows) == waiting
    assert all(UUID(row["payload"]["subject_id"]) == UUID(order["id"]) for row in rows)
    await shop.advance(seconds=2)
    assert out.asked == 1 + waiting
