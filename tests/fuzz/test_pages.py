"""The hosted pages under junk: forms, query strings, cookies and headers that no browser would send."""

from typing import Any
from urllib.parse import urlencode

import httpx2
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from boreal.surfaces.pages.forms import ADDRESS_FIELDS, CARD_FIELDS, CUSTOM_PREFIX, TEXT_FIELDS
from tests.fuzz.effort import explore
from tests.fuzz.junk import TEXTS
from tests.support.catalog import make_product, seats
from tests.support.checkout import open_session
from tests.support.shop import Shop, client_of

RIGHT = {
    "action": "confirm",
    "amount": "12.50",
    "card_cvc": "123",
    "card_expiry": "12/34",
    "card_number": "4242 4242 4242 4242",
    "country": "FR",
    "customer_email": "ada@example.com",
    "customer_name": "Ada",
}
NAMES = sorted({*RIGHT, *ADDRESS_FIELDS, *CARD_FIELDS, *TEXT_FIELDS, "is_business_customer", "product_id", "seats"})
FIELDS = [*NAMES, "discount_code", "shown_total", "theme", f"{CUSTOM_PREFIX}x", "", "\x00", "a[]"]

texts = st.sampled_from([*TEXTS, *RIGHT.values(), "change", "de", "٣,٥٠", "1.000,00", "99999999999999"]) | st.text(
    max_size=20
)
HEADERS: dict[str, list[bytes]] = {
    "accept": [b"application/json", b"text/html", b"\xff", b"*/*;q=x"],
    "accept-language": [
        b"de",
        b"xx-YY;q=2",
        b"\xff",
        b"tlh, *;q=0",
        b"ar-EG-u-nu-arab",
        b"-" * 3000,
        b"zh_Hant_TW@x=y",
    ],
    "cookie": [b"boreal_portal=\xff", b"boreal_portal=x; theme=\x00", b"=;;=", b"boreal_portal=" + b"x" * 5000],
    "x-requested-with": [b"fetch"],
    "x-forwarded-proto": [b"https", b"\xff"],
}


@st.composite
def requests(draw: DrawFn) -> dict[str, Any]:
    """A form over the right one, a query and headers, each with junk in it; how `send` takes them."""
    form = {**RIGHT, **draw(st.dictionaries(st.sampled_from(FIELDS), texts, max_size=4))}
    for name in draw(st.lists(st.sampled_from(sorted(form)), max_size=2)):
        form.pop(name, None)
    query = draw(
        st.dictionaries(st.sampled_from(["theme", "locale", "notice", "page", "customer_session_token", "x"]), texts)
    )
    headers = {name: draw(st.sampled_from(HEADERS[name])) for name in draw(st.lists(st.sampled_from(sorted(HEADERS))))}
    return {
        "content": urlencode(form, errors="surrogatepass").encode(),
        "query": urlencode({name: text[:3000] for name, text in query.items()}, errors="surrogatepass"),
        "headers": headers,
    }


def check_page(reply: httpx2.Response) -> None:
    """A page, a redirect or JSON for the script, of a status that pages have."""
    assert reply.status_code in (200, 303, 307, 401, 404, 405, 422), (reply.status_code, reply.text)
    kind = reply.headers.get("content-type", "").partition(";")[0]
    assert kind in ("text/html", "application/json", "") and (kind or reply.status_code in (303, 307)), reply.headers
    if kind == "text/html":
        assert "script-src" in reply.headers["content-security-policy"]
        assert "<script>alert" not in reply.text


async def test_a_form_with_anything_in_it_gets_a_page(shop: Shop) -> None:
    custom = await make_product(shop, {"amount_type": "custom"})
    seated = await make_product(shop, seats((1, None, 1000)), recurring_interval="month")
    session = await open_session(shop, custom, seated)
    taken = 0
    async with client_of(shop.boreal, None) as browser:

        async def send(sent: dict[str, Any]) -> None:
            nonlocal session, taken
            headers = {"content-type": "application/x-www-form-urlencoded", **sent["headers"]}
            address = f"/checkout/{session.made['client_secret']}?{sent['query']}"
            reply = await browser.post(address, content=sent["content"], headers=headers)
            check_page(reply)
            if (await session.view())["status"] != "open":
                taken += 1
                session = await open_session(shop, custom, seated)

        await explore(requests(), send)
    assert taken, "a form that is never taken was hardly tried"


async def test_a_page_with_anything_around_it_is_shown(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    secret = session.made["client_secret"]
    paths = [
        f"/checkout/{secret}",
        f"/checkout/{secret}/confirmation",
        "/acme/portal",
        "/mail",
        "/mail/1",
        "/",
        "/mail/1/html",
    ]
    async with client_of(shop.boreal, None) as browser:

        async def show(sent: dict[str, Any]) -> None:
            for path in paths:
                check_page(await browser.get(f"{path}?{sent['query']}", headers=sent["headers"]))

        await explore(requests(), show)
