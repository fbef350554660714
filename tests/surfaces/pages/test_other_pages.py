"""Static files, the challenge, captured mail, the portal and the start page, through Starlette."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from boreal.kit.problems import ResourceNotFound, Unauthorized
from boreal.surfaces.pages.rendering import ASSETS
from boreal.surfaces.pages.site import Site, page_routes
from tests.surfaces.pages.sessions import SETTINGS, MemoryCheckout, product, view

MAIL = {
    "id": "m1",
    "sent_at": "2026-02-21T10:00:00Z",
    "sender": "Boreal <no-reply@example.com>",
    "recipient": "ada@example.com",
    "subject": "Your <receipt>",
    "html": "<script>alert(1)</script><p>Hello</p>",
    "attachments": [{"filename": "Invoice <1>.pdf", "content_type": "application/pdf", "content": b"%PDF"}],
    "text": "Hello",
}
ORDER = {
    "created_at": "2026-02-21T10:00:00Z",
    "description": "Atlas",
    "invoice_number": "NW-1",
    "status": "paid",
    "total_amount": 2856,
    "currency": "usd",
}


class Challenges:
    """One challenge, and what was answered."""

    def __init__(self):
        self.answers = []

    async def get(self, intent_client_secret):
        if intent_client_secret != "pi_1":
            raise ResourceNotFound
        return {
            "merchant": "Northwind",
            "amount": 2400,
            "currency": "usd",
            "brand": "visa",
            "last4": "3220",
            "return_url": "https://elsewhere.example/checkout/s/confirmation",
            "embed_origin": None,
            "is_pending": not self.answers,
        }

    async def answer(self, intent_client_secret, answer):
        self.answers.append(answer)


class Mails:
    """A capture that holds some mails."""

    def __init__(self, *mails):
        self.mails = mails

    async def list(self, *, page, limit):
        return list(self.mails[(page - 1) * limit : page * limit]), len(self.mails)

    async def get(self, mail_id):
        for mail in self.mails:
            if mail["id"] == mail_id:
                return mail
        raise ResourceNotFound


class Portal:
    """One customer of one organization, whose token is `good`."""

    async def orders(self, organization_slug, customer_session_token, *, page, limit):
        if organization_slug != "northwind":
            raise ResourceNotFound
        if customer_session_token != "good":
            raise Unauthorized
        organization = {"name": "Northwind", "slug": "northwind", "avatar_url": None}
        return {"organization": organization, "customer": {"email": "ada@example.com"}, "items": [ORDER], "total": 45}


class Home:
    """A demo with one product."""

    async def get(self):
        products = [product(interval="month") | {"buy_url": "/buy/atlas"}]
        organization = {"name": "Northwind", "slug": "northwind"}
        return {"organization": organization, "products": products, "docs_url": "/docs", "mail_url": "/mail"}


@pytest.fixture
def challenges():
    return Challenges()


@pytest.fixture
def client(challenges):
    site = Site(
        settings=SETTINGS,
        checkout=MemoryCheckout(view()),
        portal=Portal(),
        challenge=challenges,
        mail=Mails(MAIL, *({**MAIL, "id": f"x{number}"} for number in range(60))),
        home=Home(),
    )
    with TestClient(Starlette(routes=page_routes(site)), follow_redirects=False) as client:
        yield client


def test_static_files_are_named_by_their_content_and_kept_for_ever(client):
    address = ASSETS.address("boreal.css")
    reply = client.get(address, headers={"accept-encoding": "gzip"})
    assert reply.headers["content-type"].startswith("text/css")
    assert "immutable" in reply.headers["cache-control"]
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text == ASSETS.inline("boreal.css")
    with pytest.raises(ResourceNotFound):
        client.get("/static/boreal.css")


@pytest.mark.parametrize("answer", ["accept", "refuse", "cancel"])
def test_a_challenge_is_answered_once(client, challenges, answer):
    assert "$24.00" in client.get("/sandbox/challenges/pi_1").text
    reply = client.post("/sandbox/challenges/pi_1?theme=dark", data={"answer": answer})
    assert (reply.status_code, reply.headers["location"]) == (303, "/checkout/s/confirmation?theme=dark")
    assert challenges.answers == [answer]
    assert client.get("/sandbox/challenges/pi_1").headers["location"] == "/checkout/s/confirmation"


def test_no_answer_asks_again(client, challenges):
    assert client.post("/sandbox/challenges/pi_1", data={"answer": "maybe"}).status_code == 200
    assert challenges.answers == []
    assert client.post("/sandbox/challenges/other", data={"answer": "accept"}).status_code == 404


def test_mails_are_listed_in_pages(client):
    first = client.get("/mail").text
    assert "Your &lt;receipt&gt;" in first
    assert "Page 1 of 2" in first
    assert "Page 2 of 2" in client.get("/mail?page=2").text
    assert client.get("/mail?page=nonsense").status_code == 200
    assert client.get("/mail?page=99").status_code == 200


def test_a_mail_can_do_nothing_in_its_frame(client):
    page = client.get("/mail/m1").text
    assert "alert(1)" not in page
    assert 'src="/mail/m1/html"' in page
    assert 'sandbox="allow-popups' in page
    frame = client.get("/mail/m1/html")
    assert frame.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in frame.headers["content-security-policy"]
    assert "script-src" not in frame.headers["content-security-policy"]
    assert "<pre" in client.get("/mail/m1?view=text").text
    assert client.get("/mail/other").status_code == client.get("/mail/other/html").status_code == 404


def test_what_came_with_a_mail_can_be_saved(client):
    page = client.get("/mail/m1").text
    assert '<a href="/mail/m1/attachments/1">Invoice &lt;1&gt;.pdf</a>' in page
    saved = client.get("/mail/m1/attachments/1")
    assert (saved.content, saved.headers["content-type"]) == (b"%PDF", "application/pdf")
    assert saved.headers["content-disposition"].startswith('attachment; filename="Invoice _1_.pdf"')
    assert saved.headers["content-security-policy"].startswith("sandbox")
    for place in ("m1/attachments/0", "m1/attachments/2", "m1/attachments/x", "other/attachments/1"):
        assert client.get(f"/mail/{place}").status_code == 404


def test_the_portal_moves_its_token_out_of_the_address(client):
    reply = client.get("/northwind/portal?customer_session_token=good&theme=dark")
    assert reply.headers["location"] == "/northwind/portal?theme=dark"
    cookie = reply.headers["set-cookie"]
    assert cookie == "boreal_portal=good; Path=/northwind/portal; Max-Age=3600; HttpOnly; SameSite=Lax"
    page = client.get("/northwind/portal").text
    assert "$28.56" in page
    assert "Page 1 of 3" in page


def test_behind_https_the_cookie_stays_on_https(client):
    headers = {"x-forwarded-proto": "https"}
    reply = client.get("/northwind/portal?customer_session_token=good", headers=headers)
    assert reply.headers["set-cookie"].endswith("; Secure")


def test_a_hostile_token_stays_one_cookie(client):
    reply = client.get("/northwind/portal", params={"customer_session_token": "a; Domain=x\r\nSet-Cookie: y"})
    assert reply.headers["set-cookie"].startswith("boreal_portal=aDomainxSet-Cookiey; Path=/northwind/portal;")


def test_without_a_token_the_portal_says_how_to_get_in(client):
    assert client.get("/northwind/portal").status_code == 401
    client.cookies.set("boreal_portal", "wrong")
    assert client.get("/northwind/portal").status_code == 401
    assert client.get("/other/portal").status_code == 404


def test_the_start_page_leads_everywhere(client):
    page = client.get("/").text
    assert all(f'href="{address}"' in page for address in ("/buy/atlas", "/docs", "/mail"))
    assert "$24.00 per month" in page


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/polar_cl_abc?theme=dark&a=%20b", "/v1/checkout-links/polar_cl_abc/redirect?theme=dark&a=+b"),
        ("/polar_c_abc", "/checkout/polar_c_abc"),
        ("/polar_cst_abc", None),
        ("/polar_c_", None),
        ("/polar_c_%0d%0ax", None),
        ("/other", None),
    ],
)
def test_short_addresses(client, path, place):
    try:
        reply = client.get(path, follow_redirects=False)
    except ResourceNotFound:
        assert place is None
    else:
        assert (reply.status_code, reply.headers["location"]) == (307, place)


def test_the_script_of_the_embed_keeps_its_address(client):
    reply = client.get("/embed.js")
    assert reply.headers["content-type"].startswith("text/javascript")
    assert (reply.headers["cache-control"], "data-polar-checkout" in reply.text) == ("public, max-age=300", True)
