"""Where the signed links to invoices lead."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from boreal.kit.app import App
from boreal.kit.downloads import content_disposition
from boreal.kit.links import LinkExpired, LinkInvalid
from boreal.rooms.billing.public import invoice_document, invoice_signer


def invoice_routes(app: App) -> list[Route]:
    """The one address below which invoices are fetched."""

    async def fetch(request: Request) -> Response:
        """The invoice of a link as an attachment; 404 for a link that is none of ours or no longer good."""
        try:
            claims = invoice_signer(app).read(request.path_params["token"])
        except (LinkInvalid, LinkExpired):
            return PlainTextResponse("This link is not valid any more.\n", status_code=404)
        document = await invoice_document(app.database, UUID(claims["order_id"]))
        if document is None:
            return PlainTextResponse("There is no such invoice.\n", status_code=404)
        headers = {
            "content-disposition": content_disposition(claims["name"]),
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        return Response(document, media_type="application/pdf", headers=headers)

    return [Route("/invoices/{token}", fetch, methods=["GET"])]
