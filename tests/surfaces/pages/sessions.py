"""Checkout sessions as the public view shows them, and a checkout that keeps one in memory, for tests of the pages."""

from collections.abc import Mapping
from typing import Any

from boreal.kit.problems import Fault, Invalid, Problem, ResourceNotFound
from boreal.surfaces.pages.exchange import PageRequest
from boreal.surfaces.pages.rendering import SiteSettings, visitor_of

SECRET = "polar_c_secret"
SETTINGS = SiteSettings(sandbox=True)
AMERICAN, GERMAN, BRITON = (visitor_of(header) for header in ("en-US", "de-DE,de;q=0.9,en;q=0.5", "en-GB"))
TAX_PERCENT = {"FR": 20, "DE": 19}
CARD = {"card_number": "4242 4242 4242 4242", "card_expiry": "04 / 31", "card_cvc": "123"}


def price(amount_type: str = "fixed", **fields: Any) -> dict[str, Any]:
    own = {"price_amount": 2400} if amount_type == "fixed" else {}
    return {"id": "price", "amount_type": amount_type, "price_currency": "usd"} | own | fields


def product(*prices: Mapping[str, Any], interval: str | None = None, count: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": "atlas",
        "name": "Atlas",
        "description": None,
        "recurring_interval": interval,
        "recurring_interval_count": count if interval else None,
        "is_recurring": interval is not None,
        "prices": list(prices or [price()]),
        "benefits": [],
        "medias": [],
    } | fields


def view(chosen: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """An open session for a one-time product at $24.00, in a country without tax, unless told otherwise."""
    chosen = product() if chosen is None else chosen
    amount = fields.get("amount", 2400)
    url = f"https://shop.example/checkout/{SECRET}"
    modes = dict.fromkeys(("line1", "line2", "city", "postal_code", "state"), "disabled")
    return {
        "id": "session",
        "status": "open",
        "client_secret": SECRET,
        "url": url,
        "success_url": f"{url}/confirmation",
        "return_url": None,
        "embed_origin": None,
        "amount": amount,
        "seats": None,
        "price_per_seat": None,
        "discount_amount": 0,
        "net_amount": amount,
        "tax_amount": 0,
        "total_amount": amount,
        "currency": "usd",
        "active_trial_interval": None,
        "active_trial_interval_count": None,
        "trial_end": None,
        "product_id": chosen["id"],
        "product": chosen,
        "products": [chosen],
        "prices": None,
        "discount": None,
        "allow_discount_codes": True,
        "require_billing_address": False,
        "is_discount_applicable": True,
        "is_payment_required": bool(amount),
        "is_payment_setup_required": chosen["is_recurring"] and bool(amount),
        "is_payment_form_required": bool(amount),
        "customer_id": None,
        "is_business_customer": False,
        "customer_name": None,
        "customer_email": None,
        "customer_billing_name": None,
        "customer_billing_address": None,
        "customer_tax_id": None,
        "payment_processor_metadata": {},
        "billing_address_fields": {"country": "required"} | modes,
        "custom_field_data": {},
        "attached_custom_fields": [],
        "organization": {"name": "Northwind", "slug": "northwind", "avatar_url": None},
    } | fields


class PaymentError(Problem):
    """As the checkout raises it."""


class NotOpenCheckout(Problem):
    """As the checkout raises it."""

    status = 403


class MemoryCheckout:
    """Stands in for the checkout room behind the pages: one session, tax in some countries, cards by their number."""

    def __init__(self, session: dict[str, Any]) -> None:
        self.session = session
        self.calls: list[str] = []
        self.confirmed_with: Mapping[str, Any] = {}
        self.heard = "told"

    async def get(self, client_secret: str) -> dict[str, Any]:
        if client_secret != SECRET:
            raise ResourceNotFound
        return dict(self.session)

    async def opened(self, client_secret: str) -> None:
        self.calls.append("opened")

    async def hearing(self, client_secret: str) -> Any:
        return self.heard

    async def update(self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None) -> dict[str, Any]:
        self.calls.append("update")
        if "." not in changes.get("customer_email", "."):
            raise Invalid(Fault(("body", "customer_email"), "value is not a valid email address: no period"))
        self.session |= changes
        country = (self.session["customer_billing_address"] or {}).get("country")
        tax = self.session["net_amount"] * TAX_PERCENT.get(country, 0) // 100
        self.session |= {"tax_amount": tax, "total_amount": self.session["net_amount"] + tax}
        return dict(self.session)

    async def tokenize(self, card: Mapping[str, Any]) -> str:
        self.calls.append("tokenize")
        return f"ctoken_{card['number'][-4:]}"

    async def confirm(
        self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None
    ) -> dict[str, Any]:
        self.calls.append("confirm")
        self.confirmed_with = changes
        if self.session["status"] != "open":
            raise NotOpenCheckout("not open")
        needed = ("customer_email", "customer_name", "customer_billing_address")
        faults = [Fault(("body", name), "Field is required.", "missing") for name in needed if not self.session[name]]
        token = changes.get("confirmation_token_id")
        if not token:
            faults.append(Fault(("body", "confirmation_token_id"), "Confirmation token is required.", "missing"))
        if faults:
            raise Invalid(*faults)
        if token == "ctoken_9995":
            detail = "Your card has insufficient funds. Please try again with a different payment method."
            raise PaymentError(f"The payment failed: {detail}")
        self.session["status"] = "confirmed"
        if token == "ctoken_3220":
            intent = {"intent_status": "requires_action", "intent_client_secret": "pi_1_secret_2"}
            self.session["payment_processor_metadata"] = intent
        return self.session | {"customer_session_token": "polar_cst_1"}


def request(form: Mapping[str, str] | None = None, *, script: bool = False, **fields: Any) -> PageRequest:
    """A request for the session's page; a form makes it a POST, `script` asks for JSON."""
    headers = {"accept-language": "en-US"} | ({"accept": "application/json"} if script else {})
    method = "GET" if form is None else "POST"
    return PageRequest(path=f"/checkout/{SECRET}", method=method, form=form or {}, headers=headers, **fields)
