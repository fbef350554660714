"""The pages behind Starlette routes: the only module here that knows the web framework."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from boreal.surfaces.pages import challenge, checkout, home, mail, portal, seats, short
from boreal.surfaces.pages.challenge import ChallengePages
from boreal.surfaces.pages.checkout import CheckoutPages
from boreal.surfaces.pages.exchange import PageReply, PageRequest
from boreal.surfaces.pages.home import HomePages
from boreal.surfaces.pages.mail import MailPages
from boreal.surfaces.pages.portal import PortalPages
from boreal.surfaces.pages.rendering import ASSETS, SiteSettings
from boreal.surfaces.pages.seats import SeatPages

Page = Callable[..., Awaitable[PageReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What stands behind the pages. Without challenge, mail, home or seats there are no such pages."""

    settings: SiteSettings
    checkout: CheckoutPages
    portal: PortalPages
    challenge: ChallengePages | None = None
    mail: MailPages | None = None
    home: HomePages | None = None
    seats: SeatPages | None = None


def page_routes(site: Site) -> list[Route]:
    """Every route of the pages. They answer GET and, where there is a form, POST with
    `application/x-www-form-urlencoded`."""
    routes = [Route("/static/{public_name}", _endpoint(_static)), Route("/embed.js", _endpoint(_embed))]
    page = partial(_served, site.settings, site.checkout)
    routes += page("/checkout/{client_secret}", checkout.show, checkout.submit)
    routes += page("/checkout/{client_secret}/confirmation", checkout.confirmation)
    if site.challenge is not None:
        page = partial(_served, site.settings, site.challenge)
        routes += page("/sandbox/challenges/{intent_client_secret}", challenge.show, challenge.submit)
    if site.mail is not None:
        page = partial(_served, site.settings, site.mail)
        routes += page("/mail", mail.show_list)
        routes += page("/mail/{mail_id}", mail.show)
        routes += page("/mail/{mail_id}/html", mail.show_html)
        routes += page("/mail/{mail_id}/attachments/{number}", mail.show_attachment)
    if site.home is not None:
        routes += _served(site.settings, site.home, "/", home.show)
    routes += _served(site.settings, site.portal, "/{organization_slug}/portal", portal.show)
    if site.seats is not None:
        page = partial(_served, site.settings, site.seats)
        routes += page("/{organization_slug}/portal/claim", seats.show, seats.submit)
    return [*routes, Route("/{client_secret}", _endpoint(short.show))]


async def page_request(request: Request) -> PageRequest:
    """What Starlette received, as the pages take it."""
    form = {}
    if request.method == "POST":
        form = {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}
    return PageRequest(
        path=request.url.path,
        method=request.method,
        query=dict(request.query_params),
        form=form,
        headers=dict(request.headers),
        cookies=request.cookies,
        ip_address=request.scope.get("boreal_peer") or (request.client.host if request.client else None),
        secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto")),
    )


def _served(settings: SiteSettings, pages: object, path: str, show: Page, submit: Page | None = None) -> list[Route]:
    routes = [Route(path, _endpoint(partial(show, pages=pages, settings=settings)))]
    if submit is not None:
        routes.append(Route(path, _endpoint(partial(submit, pages=pages, settings=settings)), methods=["POST"]))
    return routes


def _endpoint(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        reply = await page(await page_request(request), *request.path_params.values())
        return Response(reply.body, reply.status, dict(reply.headers))

    return endpoint


async def _static(request: PageRequest, public_name: str) -> PageReply:
    return ASSETS.serve(request, public_name)


async def _embed(request: PageRequest) -> PageReply:
    return ASSETS.serve_current(request, "embed.js")
