"""What stands behind the pages: the rooms' doors and the providers' ports, in the shapes that the pages ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import Subject
from boreal.kit.listing import ListQuery
from boreal.kit.problems import Problem, ResourceNotFound, Unauthorized
from boreal.providers.ports import (
    CapturedMail,
    CardEntry,
    CardForm,
    CardInvalid,
    ChallengeAnswer,
    MailBox,
    Payment,
    ProcessorRefused,
    RequiresAction,
)
from boreal.rooms.billing.public import claim_seat, list_customer_orders, seat_invitation
from boreal.rooms.catalog.public import read_products, render_checkout_product
from boreal.rooms.checkout.public import (
    client_confirm,
    client_hearing,
    client_update,
    client_view,
    client_view_by_id,
    newest_checkout_link,
    remember_opening,
)
from boreal.rooms.customers.public import read as read_customer
from boreal.rooms.platform.public import organization_by_slug, render_organization_reference
from boreal.surfaces.pages.challenge import Answer
from boreal.surfaces.pages.checkout import Hearing


class CardRefused(Problem):
    """The card form has mistakes: 422 with one sentence per field."""

    status = 422

    def __init__(self, invalid: CardInvalid) -> None:
        super().__init__(str(invalid))
        self.detail = [{"field": fault.field, "message": fault.message} for fault in invalid.faults]


async def tokenize(app: App, card: Mapping[str, Any]) -> str:
    """A confirmation token for the members `number`, `exp_month`, `exp_year` and `cvc`. Raises `CardRefused`."""
    entry = CardEntry(**{name: str(card.get(name, "")) for name in ("number", "exp_month", "exp_year", "cvc")})
    try:
        return await app.get(CardForm).tokenize(entry)
    except CardInvalid as invalid:
        raise CardRefused(invalid) from None


@dataclass(frozen=True, slots=True)
class CheckoutSource:
    """`CheckoutPages`, from the checkout room."""

    app: App

    async def get(self, client_secret: str) -> dict[str, Any]:
        """The session, whatever its status."""
        return await client_view(self.app, client_secret)

    async def opened(self, client_secret: str) -> None:
        """Remembers the first time."""
        await remember_opening(self.app, client_secret)

    async def hearing(self, client_secret: str) -> Hearing:
        """Whether the merchant knows."""
        return await client_hearing(self.app, client_secret)

    async def update(self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None) -> dict[str, Any]:
        """Changes it as its buyer."""
        return await client_update(self.app, client_secret, changes)

    async def confirm(
        self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None
    ) -> dict[str, Any]:
        """Confirms it."""
        return await client_confirm(self.app, client_secret, changes)

    async def tokenize(self, card: Mapping[str, Any]) -> str:
        """Exchanges a card for a token."""
        return await tokenize(self.app, card)


_ANSWERS: dict[str, ChallengeAnswer] = {"accept": "accept", "refuse": "refuse", "cancel": "abandon"}


@dataclass(frozen=True, slots=True)
class ChallengeSource:
    """`ChallengePages`, from the sandbox's card form."""

    app: App

    async def get(self, intent_client_secret: str) -> dict[str, Any]:
        """What the challenge is about. Raises `ResourceNotFound`."""
        intent = await self.app.get(CardForm).challenge(intent_client_secret)
        if intent is None:
            raise ResourceNotFound
        view = await client_view_by_id(self.app, UUID(intent.metadata["checkout_id"]))
        return {
            "merchant": view["organization"]["name"],
            "amount": intent.amount if isinstance(intent, Payment) else None,
            "currency": view["currency"],
            "brand": intent.method.card.brand if intent.method.card else None,
            "last4": intent.method.card.last4 if intent.method.card else None,
            "return_url": f"{view['url']}/confirmation",
            "embed_origin": view["embed_origin"],
            "is_pending": isinstance(intent.outcome, RequiresAction),
        }

    async def answer(self, intent_client_secret: str, answer: Answer) -> None:
        """Passes on what the cardholder decided."""
        try:
            await self.app.get(CardForm).answer_challenge(intent_client_secret, _ANSWERS[answer])
        except ProcessorRefused:
            raise ResourceNotFound from None


@dataclass(frozen=True, slots=True)
class MailSource:
    """`MailPages`, from the mail capture."""

    box: MailBox

    async def list(self, *, page: int, limit: int) -> tuple[list[Mapping[str, Any]], int]:
        """One page of captured mail, newest first, and how many there are."""
        mails = await self.box.list_mails(offset=(page - 1) * limit, limit=limit)
        return [_shown(mail) for mail in mails], await self.box.count_mails()

    async def get(self, mail_id: str) -> dict[str, Any]:
        """One mail with its contents. Raises `ResourceNotFound`."""
        mail = await self.box.get_mail(int(mail_id)) if mail_id.isdecimal() and len(mail_id) < 18 else None
        if mail is None:
            raise ResourceNotFound
        attachments = [
            {"filename": item.filename, "content_type": item.content_type, "content": item.content}
            for item in mail.mail.attachments
        ]
        return {**_shown(mail), "html": mail.mail.html, "text": mail.mail.text, "attachments": attachments}


def _shown(captured: CapturedMail) -> dict[str, Any]:
    mail = captured.mail
    return {
        "id": str(captured.id),
        "sent_at": captured.captured_at.isoformat(),
        "sender": f"{mail.sender_name} <{mail.sender_address}>",
        "recipient": mail.to,
        "subject": mail.subject,
    }


@dataclass(frozen=True, slots=True)
class PortalSource:
    """`PortalPages`, from the billing room, as the customer whose token it is."""

    app: App

    async def orders(
        self, organization_slug: str, customer_session_token: str, *, page: int, limit: int
    ) -> dict[str, Any]:
        """The customer's orders, newest first. Raises `ResourceNotFound` and `Unauthorized`."""
        organization = await organization_by_slug(self.app.database, organization_slug)
        if organization is None:
            raise ResourceNotFound
        actor = await self.app.authenticator.authenticate(f"Bearer {customer_session_token}")
        if actor.kind is not Subject.customer or actor.organization_ids != (organization["id"],):
            raise Unauthorized
        assert actor.customer_id is not None
        customer = await read_customer(self.app.database, actor.customer_id)
        assert customer is not None
        query = ListQuery(page=page, limit=limit, sorting=("-created_at",), given={})
        found = await list_customer_orders(self.app, actor, query)
        return {
            "organization": render_organization_reference(organization),
            "customer": {"email": customer.email, "name": customer.name},
            "items": found["items"],
            "total": found["pagination"]["total_count"],
        }


@dataclass(frozen=True, slots=True)
class SeatSource:
    """`SeatPages`, from the billing room."""

    app: App

    async def invitation(self, token: str) -> dict[str, Any] | None:
        """What an invitation is for; None once it cannot be claimed."""
        return await seat_invitation(self.app, token)

    async def claim(self, token: str) -> str:
        """Claims the seat; its holder's session token. Raises `InvalidInvitationToken`."""
        claimed = await claim_seat(self.app, token)
        return str(claimed["customer_session_token"])


@dataclass(frozen=True, slots=True)
class HomeSource:
    """`HomePages`: what the demo's organization sells."""

    app: App
    slug: str

    async def get(self) -> dict[str, Any]:
        """The organization and its products, with where each can be bought. Raises `ResourceNotFound` without it."""
        organization = await organization_by_slug(self.app.database, self.slug)
        link = await newest_checkout_link(self.app, organization["id"]) if organization is not None else None
        if organization is None or link is None:
            raise ResourceNotFound
        secret, ids = link
        products = await read_products(self.app.database, ids)
        url = f"/v1/checkout-links/{secret}/redirect"
        return {
            "organization": render_organization_reference(organization),
            "products": [
                {**render_checkout_product(products[id]), "buy_url": f"{url}?{urlencode({'product_id': str(id)})}"}
                for id in ids
            ],
            "docs_url": "/openapi.json",
            "mail_url": "/mail",
        }
