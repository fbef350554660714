"""The checkout page without a browser: where each state leads, what a form does, and what a page may contain."""

import gzip
import json
import re
from dataclasses import replace

import pytest

from boreal.surfaces.pages import checkout
from boreal.surfaces.pages.checkout import shown_total
from tests.surfaces.pages.sessions import CARD, SECRET, SETTINGS, MemoryCheckout, price, product, request, view

BUYER = {"customer_email": "ada@example.com", "customer_name": "Ada", "country": "SE"}


async def show(pages, asked=None):
    return await checkout.show(asked or request(), SECRET, pages=pages, settings=SETTINGS)


async def submit(pages, form, **fields):
    return await checkout.submit(request(form, **fields), SECRET, pages=pages, settings=SETTINGS)


async def confirmation(pages, **fields):
    return await checkout.confirmation(request(**fields), SECRET, pages=pages, settings=SETTINGS)


@pytest.mark.parametrize(
    ("status", "code", "location"),
    [
        ("open", 200, None),
        ("confirmed", 303, f"/checkout/{SECRET}/confirmation"),
        ("succeeded", 303, f"/checkout/{SECRET}/confirmation"),
        ("expired", 410, None),
    ],
)
async def test_each_state_has_its_page(status, code, location):
    reply = await show(MemoryCheckout(view(status=status)))
    assert (reply.status, reply.headers.get("location")) == (code, location)


async def test_the_first_look_is_remembered():
    pages = MemoryCheckout(view())
    await show(pages)
    assert pages.calls == ["opened"]


async def test_an_unknown_session_is_not_found():
    reply = await checkout.show(request(), "other", pages=MemoryCheckout(view()), settings=SETTINGS)
    assert reply.status == 404


async def test_the_first_view_is_one_small_reply_that_runs_nothing_from_elsewhere():
    many = [product(id=f"p{number}", name="Ä" * 120) for number in range(20)]
    asked = replace(request(), headers={"accept-language": "en", "accept-encoding": "gzip"})
    reply = await show(MemoryCheckout(view(products=many)), asked)
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 20_000
    html = gzip.decompress(reply.body).decode()
    policy = reply.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert not re.search(r"<(script|link)[^>]+(src=|stylesheet)", html), "style and scripts stand within the page"
    assert not re.search(r"\sstyle=|\son\w+=", html)
    assert html.count("<script") == html.count("</script>") == 2


async def test_what_visitors_and_merchants_write_is_escaped():
    session = view(
        product(name="<b>x</b>"), customer_name='"><script>alert(1)</script>', return_url="javascript:alert(1)"
    )
    html = (await show(MemoryCheckout(session))).body.decode()
    assert "<b>x" not in html
    assert "<script>alert" not in html
    assert "javascript:alert" not in html


async def test_only_the_embedding_page_may_frame_it_and_only_the_shop_may_be_a_target():
    session = view(embed_origin="https://shop.example", success_url="https://thanks.example/a?b=1")
    policy = (await show(MemoryCheckout(session))).headers["content-security-policy"]
    assert "frame-ancestors 'self' https://shop.example" in policy
    assert "form-action 'self' https://thanks.example" in policy
    hostile = view(embed_origin="https://x; script-src *", success_url="javascript:alert(1)")
    policy = (await show(MemoryCheckout(hostile))).headers["content-security-policy"]
    assert policy.count("script-src") == 1
    assert policy.endswith("frame-ancestors 'self'")


async def test_a_purchase_without_scripts():
    pages = MemoryCheckout(view())
    reply = await submit(pages, BUYER | CARD | {"shown_total": shown_total(view())})
    assert (reply.status, reply.headers["location"]) == (
        303,
        f"/checkout/{SECRET}/confirmation?customer_session_token=polar_cst_1",
    )
    assert pages.calls == ["update", "tokenize", "confirm"]
    assert pages.confirmed_with == {"confirmation_token_id": "ctoken_4242"}


async def test_a_purchase_with_scripts_sends_no_card():
    pages = MemoryCheckout(view())
    reply = await submit(pages, BUYER | {"confirmation_token_id": "ctoken_4242"}, script=True)
    assert json.loads(reply.body)["redirect"].startswith(f"/checkout/{SECRET}/confirmation?")
    assert "tokenize" not in pages.calls


async def test_nothing_is_charged_that_was_not_shown():
    pages = MemoryCheckout(view())
    form = BUYER | CARD | {"country": "FR", "shown_total": shown_total(view())}
    reply = await submit(pages, form)
    assert "The total has changed" in reply.body.decode()
    assert "confirm" not in pages.calls
    reply = await submit(pages, form | {"shown_total": shown_total(pages.session)})
    assert reply.status == 303


async def test_a_decline_keeps_what_was_typed_but_not_the_card():
    pages = MemoryCheckout(view())
    reply = await submit(pages, BUYER | CARD | {"card_number": "4000000000009995"})
    html = reply.body.decode()
    assert "Your card has insufficient funds. You have not been charged." in html
    assert 'value="ada@example.com"' in html
    assert "4000000000009995" not in html
    assert pages.session["status"] == "open"


async def test_everything_that_is_missing_is_said_at_once():
    reply = await submit(MemoryCheckout(view()), {"card_number": "4242", "card_expiry": "x"})
    html = reply.body.decode()
    assert reply.status == 422
    said = ("Enter your e-mail address.", "Enter your full name.", "Choose your country.", "security code", "04 / 30")
    assert all(words in html for words in said)


async def test_a_second_press_finds_the_first_one():
    pages = MemoryCheckout(view())
    await submit(pages, BUYER | CARD)
    again = await submit(pages, BUYER | CARD)
    assert (again.status, again.headers["location"]) == (303, f"/checkout/{SECRET}/confirmation")


async def test_a_press_that_loses_the_race_finds_the_first_one_too():
    pages = MemoryCheckout(view())

    async def overtaken(card):
        pages.session["status"] = "confirmed"
        return "ctoken_4242"

    pages.tokenize = overtaken
    reply = await submit(pages, BUYER | CARD)
    assert (reply.status, reply.headers["location"]) == (303, f"/checkout/{SECRET}/confirmation")


async def test_the_theme_stays_on_every_way():
    pages = MemoryCheckout(view())
    themed = {"query": {"theme": "dark"}}
    html = (await show(pages, request(**themed))).body.decode()
    assert 'data-theme="dark"' in html
    assert f'action="/checkout/{SECRET}?theme=dark"' in html
    reply = await submit(pages, BUYER | CARD, **themed)
    assert reply.headers["location"].endswith("&theme=dark")


async def test_a_script_gets_the_regions_and_only_its_field_is_saved():
    pages = MemoryCheckout(view())
    form = {"action": "save", "changed": "country", "country": "DE", "customer_email": "half@typed"}
    reply = json.loads((await submit(pages, form, script=True)).body)
    assert set(reply["regions"]) == set(checkout._REGIONS)
    assert "Pay $28.56" in reply["regions"]["label"]
    assert reply["announce"] == "Total: $28.56"
    assert reply["errors"] == {}
    assert pages.session["customer_email"] is None
    form |= {"changed": "customer_email"}
    reply = json.loads((await submit(pages, form, script=True)).body)
    assert reply["errors"] == {"customer_email": "Enter an e-mail address like name@example.com."}


async def test_seats_go_one_up_and_one_down():
    tiers = [
        {"min_seats": 2, "max_seats": 4, "price_per_seat": 1000},
        {"min_seats": 5, "max_seats": None, "price_per_seat": 800},
    ]
    sold = price("seat_based", seat_tiers={"tiers": tiers, "minimum_seats": 2, "maximum_seats": None})
    pages = MemoryCheckout(view(product(sold), seats=3, price_per_seat=1000))
    assert b"2 to 4 seats: $10.00 each. 5 seats or more: $8.00 each." in (await show(pages)).body
    await submit(pages, {"action": "seats_more", "seats": "5"})
    assert pages.session["seats"] == 6
    await submit(pages, {"action": "seats_less", "seats": "6"})
    assert pages.session["seats"] == 5


async def test_a_challenge_comes_first():
    pages = MemoryCheckout(view())
    reply = await submit(pages, BUYER | {"confirmation_token_id": "ctoken_3220"}, script=True)
    assert json.loads(reply.body)["challenge"] == "/sandbox/challenges/pi_1_secret_2"
    assert (await confirmation(pages)).headers["location"] == "/sandbox/challenges/pi_1_secret_2"
    pages.session |= {"status": "open", "payment_processor_metadata": {}}
    back = await confirmation(pages)
    assert back.headers["location"] == f"/checkout/{SECRET}?notice=not_paid"
    html = (await show(pages, request(query={"notice": "not_paid"}))).body.decode()
    assert "Your bank did not confirm it. You have not been charged." in html


async def test_the_confirmation_waits_and_then_shows_what_was_bought():
    waiting = await confirmation(MemoryCheckout(view(status="confirmed")))
    assert "Confirming your payment" in waiting.body.decode()
    done = view(status="succeeded", customer_email="ada@example.com")
    html = (await confirmation(MemoryCheckout(done), query={"customer_session_token": "polar_cst_1"})).body.decode()
    assert "We have sent a receipt to ada@example.com." in html
    assert "/northwind/portal?customer_session_token=polar_cst_1" in html
    state = await confirmation(MemoryCheckout(done), script=True)
    assert json.loads(state.body) == {"status": "succeeded", "intent_status": None, "moves_on": True}


async def test_a_foreign_success_url_is_visited_once_it_is_fulfilled():
    away = "https://thanks.example/a?b=1#c"
    waiting = await confirmation(MemoryCheckout(view(status="confirmed", success_url=away)))
    assert waiting.status == 200
    pages = MemoryCheckout(view(status="succeeded", success_url=away))
    reply = await confirmation(pages, query={"customer_session_token": "polar_cst_1"})
    assert reply.headers["location"] == "https://thanks.example/a?b=1&customer_session_token=polar_cst_1#c"


async def test_nothing_needed_nothing_asked():
    free = view(product(price("free")), amount=0)
    html = (await show(MemoryCheckout(free))).body.decode()
    assert 'id="customer_email"' in html
    assert 'id="customer_name"' not in html
    assert 'id="country"' not in html
    assert re.search(r'<fieldset[^>]+data-region="payment"[^>]+ hidden disabled>', html)


@pytest.mark.parametrize(
    ("given", "ancestors"),
    [
        ("https://shop.example", "'self' https://shop.example"),
        ("http://127.0.0.1:3000/", "'self' http://127.0.0.1:3000"),
        ("https://[::1]:3000", "'self' https://[::1]:3000"),
        ("https://shop.example; default-src *", "'self'"),
        ("https://shop.example https://evil.example", "'self'"),
        ("https://user@shop.example", "'self'"),
        ("https://*", "'self'"),
        ("https://[", "'self'"),
        ("null", "'self'"),
        (None, "'self'"),
    ],
)
async def test_only_the_origin_of_the_session_may_show_it_in_a_frame(given, ancestors):
    reply = await show(MemoryCheckout(view(embed_origin=given)))
    assert reply.headers["content-security-policy"].rpartition("frame-ancestors ")[2] == ancestors
    assert (b"data-embed-origin" in reply.body) == (ancestors != "'self'")


async def test_within_a_frame_every_way_leads_on_within_it():
    pages = MemoryCheckout(view(embed_origin="https://shop.example"))
    query = {"embed": "true", "theme": "dark", "other": "x"}
    shown = (await show(pages, request(query=query))).body.decode()
    assert f'action="/checkout/{SECRET}?theme=dark&amp;embed=true"' in shown
    assert 'id="close"' in shown
    reply = await submit(pages, {**BUYER, **CARD}, query=query)
    parts = f"/checkout/{SECRET}/confirmation?customer_session_token=polar_cst_1&theme=dark&embed=true"
    assert reply.headers["location"] == parts
    waiting = (await confirmation(pages, query=query)).body.decode()
    assert 'id="close"' not in waiting
    assert "data-success-url=" not in waiting


@pytest.mark.parametrize("embedded", [True, False])
async def test_who_leads_to_the_merchants_page(embedded):
    away = "https://shop.example/thanks?a=1"
    session = view(embed_origin="https://shop.example", success_url=away, status="succeeded")
    query = {"customer_session_token": "polar_cst_1"} | ({"embed": "true"} if embedded else {})
    reply = await confirmation(MemoryCheckout(session), query=query)
    there = f"{away}&customer_session_token=polar_cst_1"
    if not embedded:
        assert (reply.status, reply.headers["location"]) == (303, there)
        return
    html = reply.body.decode().replace("&amp;", "&")
    assert f'data-success-url="{there}" data-redirect' in html
    assert f'href="{there}" target="_top"' in html


async def test_who_embeds_another_merchants_checkout_is_not_told_the_token():
    away = "https://shop.example/thanks?a=1"
    session = view(embed_origin="https://elsewhere.example", success_url=away, status="succeeded")
    query = {"customer_session_token": "polar_cst_1", "embed": "true"}
    html = (await confirmation(MemoryCheckout(session), query=query)).body.decode().replace("&amp;", "&")
    assert f'data-success-url="{away}" data-redirect' in html
    assert f'href="{away}&customer_session_token=polar_cst_1" target="_top"' in html


async def test_the_merchant_hears_before_the_buyer_arrives():
    pages = MemoryCheckout(view(success_url="https://shop.example/thanks", status="succeeded"))
    for heard, moves_on, status in (("waiting", False, 200), ("overdue", True, 200), ("told", True, 303)):
        pages.heard = heard
        assert json.loads((await confirmation(pages, script=True)).body)["moves_on"] is moves_on
        reply = await confirmation(pages)
        assert (reply.status, b"data-stream" in reply.body) == (status, heard == "waiting")
        assert (b"Continue to Northwind" in reply.body) == (heard == "overdue")


async def test_success_on_our_own_page_keeps_the_frame():
    session = view(embed_origin="https://shop.example", status="succeeded")
    query = {"embed": "true", "theme": "light", "customer_session_token": "polar_cst_1"}
    reply = await confirmation(MemoryCheckout(session), query=query)
    html = reply.body.decode().replace("&amp;", "&")
    assert f'data-success-url="{session["success_url"]}?theme=light&embed=true">' in html
