"""The hosted checkout: the form, what happens when it is sent, and the page that waits for the outcome.

One function receives the form, with or without JavaScript. A browser without scripts gets pages and redirects; our
script sends the same fields, asks for JSON, and gets the regions of the page that may have changed. The card is the
exception: the script exchanges it for a token by itself, so that card data leaves the browser for the tokenizer only.

The page promises one thing of its own: what is charged is what was shown. A confirmation whose total has changed
meanwhile comes back with the new total instead of being carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from boreal.kit.problems import Problem, ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest, json_reply, origin_of, see_other, with_query
from boreal.surfaces.pages.forms import card_of, changes_of, keep_typed, values_of
from boreal.surfaces.pages.offers import View, choices_of, chosen_price, offer_of, seat_hint
from boreal.surfaces.pages.places import STATES, countries
from boreal.surfaces.pages.refusals import Refusal, explain, notice_of
from boreal.surfaces.pages.rendering import SiteSettings, Visitor, render, render_regions, visitor_of
from boreal.surfaces.pages.stripe import allow, form_of

_REGIONS = (
    "headline",
    "choices",
    "fold",
    "totals",
    "contact",
    "billing",
    "custom",
    "alert",
    "payment",
    "due",
    "label",
    "notes",
)
_NOTICES = frozenset({"not_paid"})


Hearing = Literal["told", "waiting", "overdue"]


class CheckoutPages(Protocol):
    """What the pages ask of the checkout. Every refusal is a `Problem`, with the body that the API would send."""

    async def get(self, client_secret: str) -> View:
        """The session as a `CheckoutPublic`, whatever its status, also past `expires_at`: an open session that is
        past it has the status `expired`. Unknown secrets are `ResourceNotFound`."""
        ...

    async def opened(self, client_secret: str) -> None:
        """Remembers that the buyer has seen an open session."""
        ...

    async def hearing(self, client_secret: str) -> Hearing:
        """How far the merchant's endpoints have heard how a session ended; `overdue` once they had 15 s for it."""
        ...

    async def update(self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None) -> View:
        """Applies a `CheckoutUpdatePublic`, as `PATCH /v1/checkouts/client/{client_secret}` does."""
        ...

    async def confirm(self, client_secret: str, changes: Mapping[str, Any], *, ip_address: str | None) -> View:
        """Applies a `CheckoutConfirmStripe` and returns a `CheckoutPublicConfirmed`, as the API's confirm does."""
        ...

    async def tokenize(self, card: Mapping[str, Any]) -> str:
        """A confirmation token for `{"number": str, "exp_month": int, "exp_year": int, "cvc": str}`. A refusal is a
        `Problem` whose body's `detail` is a list of `{"field": one of those four, "message": str}`."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A form on its way back to the visitor."""

    view: View
    values: dict[str, str]
    refusal: Refusal = field(default_factory=Refusal)


async def show(request: PageRequest, client_secret: str, *, pages: CheckoutPages, settings: SiteSettings) -> PageReply:
    """`GET /checkout/{client_secret}`: the form while the session is open, else what has become of it."""
    try:
        view = await pages.get(client_secret)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    if view["status"] != "open":
        return _moved_on(request, view, settings)
    await pages.opened(client_secret)
    visitor = _visitor(request)
    said = request.query.get("notice", "")
    refusal = Refusal(notice=notice_of(said, visitor)) if said in _NOTICES else Refusal()
    return _page(request, Draft(view, values_of(view, visitor), refusal), settings)


async def submit(
    request: PageRequest, client_secret: str, *, pages: CheckoutPages, settings: SiteSettings
) -> PageReply:
    """`POST /checkout/{client_secret}`: `action` says which button was pressed.

    After `confirm` the visitor is sent on with 303 (a script is told where to go); everything else, and every
    refusal, brings the form back with all that was typed except the card.
    """
    try:
        view = await pages.get(client_secret)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    if view["status"] != "open":
        return _moved_on(request, view, settings)
    action = request.form.get("action", "confirm")
    carry_out = _confirm if action == "confirm" else _change
    outcome = await carry_out(request, view, pages=pages)
    if isinstance(outcome, PageReply):
        return outcome
    values = keep_typed(values_of(outcome.view, _visitor(request)), request.form, outcome.refusal.fields)
    return _page(request, replace(outcome, values=values), settings)


async def confirmation(
    request: PageRequest, client_secret: str, *, pages: CheckoutPages, settings: SiteSettings
) -> PageReply:
    """`GET /checkout/{client_secret}/confirmation`: waits for the outcome and shows it, or leads to where it is
    shown.

    The merchant's endpoints hear of it before the buyer arrives at the merchant's page; where they do not answer, the
    buyer stays here and is offered the way there (catalog spec 9.2). A script that asks for JSON gets
    `{"status", "intent_status", "moves_on"}`, the last of which says whether this page has become another.
    """
    try:
        view = await pages.get(client_secret)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    leaves = view["status"] == "succeeded" and not _is_ours(view)
    hearing = await pages.hearing(client_secret) if leaves else "told"
    waits = view["status"] == "confirmed" or hearing == "waiting"
    if request.wants_json:
        moves_on = not waits or _challenge(request, view) is not None
        return json_reply({"status": view["status"], "intent_status": _intent(view)[0], "moves_on": moves_on})
    if view["status"] == "open":
        return see_other(_address(request, view, "", notice="not_paid"))
    if view["status"] in ("expired", "failed"):
        return _expired(request, view, settings)
    challenge = _challenge(request, view)
    if challenge:
        return see_other(challenge)
    success_url = with_query(view["success_url"], _token(request))
    if leaves and hearing == "told" and not (request.is_embedded and origin_of(view["embed_origin"])):
        return see_other(success_url)
    return _outcome(request, view, settings, leads_to=success_url if leaves else None, done=not waits)


def _token(request: PageRequest) -> dict[str, str | None]:
    return {"customer_session_token": request.query.get("customer_session_token")}


def _outcome(
    request: PageRequest, view: View, settings: SiteSettings, *, leads_to: str | None, done: bool
) -> PageReply:
    """The page that waits, then says what was bought; `leads_to` is the merchant's page, if the buyer goes there."""
    token = _token(request)
    portal = f"/{view['organization']['slug']}/portal"
    embed_origin = origin_of(view["embed_origin"])
    # Whoever embeds a link is its `embed_origin`. The token is for the merchant's page alone, so it is told only
    # to that one; for success on our own page nobody else has a use for it.
    told_url = with_query(view["success_url"], {} if leads_to else request.manner)
    if leads_to and origin_of(leads_to) == embed_origin:
        told_url = leads_to
    stripe = form_of(view)
    page = render(
        "confirmation.html",
        request,
        settings,
        inline=("boreal.css", "confirmation.js", *(("stripe-challenge.js",) if stripe else ())),
        stripe=stripe,
        embed_origin=embed_origin,
        told_url=told_url,
        done=done,
        leads_to=leads_to,
        view=view,
        offer=offer_of(view, _visitor(request)),
        portal_url=with_query(portal, {**token, "theme": request.theme}) if token["customer_session_token"] else None,
        return_url=_web_address(view["return_url"]),
    )
    return allow(page) if stripe else page


async def _change(request: PageRequest, view: View, *, pages: CheckoutPages) -> Draft:
    """Every button but the last one: applies what it asks for."""
    visitor = _visitor(request)
    changes, errors = _asked(request, view, visitor)
    if errors:
        return Draft(view, {}, Refusal({name: visitor.say(key) for name, key in errors.items()}))
    if not changes:
        return Draft(view, {})
    try:
        secret = view["client_secret"]
        return Draft(await pages.update(secret, changes, ip_address=request.ip_address), {})
    except Problem as problem:
        return Draft(view, {}, explain(problem, view, visitor))


def _asked(request: PageRequest, view: View, visitor: Visitor) -> tuple[dict[str, Any], dict[str, str]]:
    form = request.form
    match form.get("action"):
        case ("seats_less" | "seats_more") as action:
            changes, errors = changes_of(form, view, visitor, only={"seats"})
            if not errors:
                seats = int(changes.get("seats") or view.get("seats") or 1)
                changes["seats"] = seats + (1 if action == "seats_more" else -1)
            return changes, errors
        case "apply_discount":
            return {"discount_code": form.get("discount_code", "").strip() or None}, {}
        case "remove_discount":
            return {"discount_code": None}, {}
        case "skip_trial":
            return {"allow_trial": False}, {}
        case "refresh":
            return {}, {}
        case "save":
            return changes_of(form, view, visitor, only=form.get("changed", "").split(","))
        case _:
            return changes_of(form, view, visitor)


async def _confirm(request: PageRequest, view: View, *, pages: CheckoutPages) -> Draft | PageReply:
    """The last button. What was typed is saved first, which settles the total; then the payment is confirmed."""
    visitor = _visitor(request)
    secret, form = view["client_secret"], request.form
    changes, errors = changes_of(form, view, visitor)
    if errors:
        return Draft(view, {}, Refusal({name: visitor.say(key) for name, key in errors.items()}))
    card_errors: dict[str, str] = {}
    try:
        if changes:
            view = await pages.update(secret, changes, ip_address=request.ip_address)
        if form.get("shown_total", shown_total(view)) != shown_total(view):
            return Draft(view, {}, Refusal(notice=notice_of("total_changed", visitor)))
        token = form.get("confirmation_token_id") or None
        if token is None and view["is_payment_form_required"] and form_of(view) is None:
            card, card_errors = card_of(form)
            token = await pages.tokenize(card) if card else None
        confirmed = await pages.confirm(
            secret, {"confirmation_token_id": token} if token else {}, ip_address=request.ip_address
        )
    except Problem as problem:
        if problem.body().get("error") == "NotOpenCheckout":
            return _sent_on(request, _address(request, view, "/confirmation"), None)
        refusal = explain(problem, view, visitor)
        said = {name: visitor.say(key) for name, key in card_errors.items()}
        return Draft(view, {}, replace(refusal, fields={**refusal.fields, **said}))
    session_token = confirmed.get("customer_session_token")
    destination = _address(request, view, "/confirmation", customer_session_token=session_token)
    stripe = form_of(confirmed)
    return _sent_on(request, destination, stripe.client_secret if stripe else _challenge(request, confirmed))


def shown_total(view: View) -> str:
    """What the form says that it showed, for comparison."""
    return f"{view['total_amount']} {view['currency']} {view['trial_end'] is not None}"


def _sent_on(request: PageRequest, destination: str, challenge: str | None) -> PageReply:
    if request.wants_json:
        return json_reply({"redirect": destination, "challenge": challenge})
    return see_other(destination)


def _moved_on(request: PageRequest, view: View, settings: SiteSettings) -> PageReply:
    """For a session that is no longer open."""
    if view["status"] in ("expired", "failed"):
        if request.wants_json:
            return json_reply({"redirect": _address(request, view, "")})
        return _expired(request, view, settings)
    return _sent_on(request, _address(request, view, "/confirmation"), None)


def _expired(request: PageRequest, view: View, settings: SiteSettings) -> PageReply:
    return render(
        "expired.html",
        request,
        settings,
        status=410,
        embed_origin=origin_of(view["embed_origin"]),
        view=view,
        return_url=_web_address(view["return_url"]),
    )


def _page(request: PageRequest, draft: Draft, settings: SiteSettings) -> PageReply:
    """The form: as a page, or for a script as its regions."""
    visitor = _visitor(request)
    view, refusal = draft.view, draft.refusal
    offer = offer_of(view, visitor)
    stripe = form_of(view)
    context: dict[str, Any] = {
        "view": view,
        "stripe": stripe,
        "offer": offer,
        "choices": choices_of(view, visitor),
        "price": chosen_price(view),
        "seat_hint": seat_hint(view, visitor),
        "values": draft.values,
        "errors": refusal.fields,
        "notice": refusal.notice,
        "countries": countries(visitor.language),
        "states": STATES.get(draft.values["country"], ()),
        "shown_total": shown_total(view),
        "action": _address(request, view, ""),
        "return_url": _web_address(view["return_url"]),
        "billing_shown": view["is_payment_form_required"] or view["require_billing_address"],
    }
    if request.wants_json:
        templates = {name: f"checkout/{name}.html" for name in _REGIONS}
        if stripe:
            templates["payment"] = "checkout/payment_stripe.html"
        regions = render_regions(templates, request, settings, **context)
        said = visitor.say("sum.announced", label=offer.due_label, amount=offer.due)
        outcome = {"errors": refusal.fields, "notice": bool(refusal.notice), "problem": refusal.problem}
        return json_reply({"regions": regions, "announce": said, **outcome})
    target = "" if _is_ours(view) else origin_of(view["success_url"])
    page = render(
        "checkout.html",
        request,
        settings,
        status=422 if refusal.fields else 200,
        inline=("boreal.css", "stripe.js" if stripe else "card.js", "checkout.js"),
        form_targets=(target,) if target else (),
        embed_origin=origin_of(view["embed_origin"]),
        **context,
    )
    return allow(page) if stripe else page


def _visitor(request: PageRequest) -> Visitor:
    return visitor_of(request.headers.get("accept-language", ""))


def _address(request: PageRequest, view: View, below: str, **query: str | None) -> str:
    """An address of this session's pages; how pages are shown stays."""
    return with_query(f"/checkout/{view['client_secret']}{below}", {**query, **request.manner})


def _intent(view: View) -> tuple[str | None, str | None]:
    metadata = view["payment_processor_metadata"]
    return metadata.get("intent_status"), metadata.get("intent_client_secret")


def _challenge(request: PageRequest, view: View) -> str | None:
    """Where the cardholder has to prove who they are, when the issuer asks for it (catalog spec 7.4)."""
    if form_of(view) is not None:
        return None
    status, secret = _intent(view)
    if view["status"] != "confirmed" or status != "requires_action" or not secret:
        return None
    return with_query(f"/sandbox/challenges/{secret}", request.manner)


def _is_ours(view: View) -> bool:
    """Whether success is shown on the page of this session (catalog spec 6.13)."""
    success, own = urlsplit(view["success_url"]), urlsplit(view["url"])
    return (success.netloc, success.path) == (own.netloc, f"{own.path}/confirmation")


def _web_address(address: str | None) -> str | None:
    return address if address and origin_of(address) else None
