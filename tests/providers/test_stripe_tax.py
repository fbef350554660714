"""Stripe Tax against a Stripe of our own: what is asked, what is made of the answer, and what of none."""

from datetime import UTC, datetime

import pytest

from boreal.providers.ports import PostalAddress, TaxQuote, TaxRate, TaxRefused, TaxUnavailable
from boreal.providers.tax.stripe import StripeApi, StripeTaxes
from tests.support.stripe_server import Fault, open_stripe

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEW_YORK = PostalAddress(country="US", state="US-NY", postal_code="10001", line1="1 Main St")


@pytest.fixture
async def server():
    async with open_stripe() as opened:
        yield opened


@pytest.fixture
async def taxes(server):
    opened = StripeTaxes(StripeApi(server.secret_key, url=server.url, call_s=1.0), is_sandbox=False)
    yield opened
    await opened.close()


async def quote(taxes, address, *, amount=1000, tax_id=None):
    if isinstance(address, str):
        address = PostalAddress(country=address)
    return await taxes.quote(amount, currency="usd", address=address, tax_id=tax_id, now=NOW)


async def test_what_is_asked(taxes, server):
    await quote(taxes, NEW_YORK, tax_id=("911144442", "us_ein"))
    ((operation, _, params),) = server.requests
    assert operation == "POST /v1/tax/calculations"
    assert params == {
        "currency": "usd",
        "customer_details": {
            "address": {"country": "US", "state": "NY", "postal_code": "10001", "line1": "1 Main St"},
            "address_source": "billing",
            "tax_ids": [{"type": "us_ein", "value": "91-1144442"}],
        },
        "line_items": [
            {"amount": "1000", "reference": "1", "tax_behavior": "exclusive", "tax_code": "txcd_10000000"},
        ],
    }


VAT = {"rate_type": "percentage", "display_name": "VAT"}


@pytest.mark.parametrize(
    ("address", "tax_id", "amount", "reason", "rate"),
    [
        ("FR", None, 200, "standard_rated", TaxRate(**VAT, basis_points=2000, country="FR")),
        ("FR", ("DE129273398", "eu_vat"), 0, "reverse_charge", TaxRate(**VAT, basis_points=0, country="FR")),
        ("GB", ("980780684", "gb_vat"), 200, "standard_rated", TaxRate(**VAT, basis_points=2000, country="GB")),
        (
            NEW_YORK,
            None,
            89,
            "standard_rated",
            # the state's and the city's; a rate is shown in whole basis points, the amount is Stripe's
            TaxRate(rate_type="percentage", display_name="Sales tax", basis_points=888, country="US", state="NY"),
        ),
        (PostalAddress(country="US", state="CA", postal_code="90001"), None, 0, "not_collecting", None),
        ("BR", None, 0, "not_supported", None),
    ],
)
async def test_what_is_made_of_the_answer(taxes, server, address, tax_id, amount, reason, rate):
    quoted = await quote(taxes, address, tax_id=tax_id)
    (calculation,) = server.taxes.calculations
    expected = TaxQuote(amount=amount, taxability_reason=reason, rate=rate, calculation_id=calculation)
    assert quoted == expected


@pytest.mark.parametrize(
    ("address", "tax_id", "words"),
    [
        (
            PostalAddress(country="US", postal_code="00000"),
            None,
            "We could not determine the customer's tax location based on the provided customer address.",
        ),
        (PostalAddress(country="US", state="NY"), None, "Required tax location information is missing."),
        ("FR", ("12", "eu_vat"), "The provided tax ID is invalid."),
        ("FR", ("104479084600003", "ae_trn"), "The provided tax ID is invalid."),
        (PostalAddress(country="FR", line1="nowhere"), None, "An error occurred while calculating tax."),
    ],
)
async def test_refusals(taxes, address, tax_id, words):
    """In the words of catalog spec 10.3."""
    with pytest.raises(TaxRefused) as caught:
        await quote(taxes, address, tax_id=tax_id)
    assert str(caught.value) == words
    assert not isinstance(caught.value, TaxUnavailable)


@pytest.mark.parametrize("kind", ["lost_reply", "late", "failed", "busy"])
async def test_silence(server, kind):
    taxes = StripeTaxes(StripeApi(server.secret_key, url=server.url, call_s=0.5), is_sandbox=False)
    server.faults = [Fault(kind, where="/v1/tax", times=10, seconds=1.0)]
    with pytest.raises(TaxUnavailable, match=r"An error occurred while calculating tax\."):
        await quote(taxes, "FR")
    await taxes.close()


async def test_too_many_questions_in_a_sandbox_mean_no_tax(server):
    taxes = StripeTaxes(StripeApi(server.secret_key, url=server.url), is_sandbox=True)
    server.faults = [Fault("busy", where="/v1/tax", times=10)]
    assert (await quote(taxes, "FR")).amount == 0
    await taxes.close()


async def test_what_is_given_back_is_reversed_once_and_never_more_than_there_is(taxes, server):
    quoted = await quote(taxes, "FR", amount=1000)
    sale = await taxes.record(quoted.calculation_id, reference="order-1")
    for _ in range(2):
        await taxes.reverse(sale, amount=300, reference="refund-1")
    await taxes.reverse(sale, amount=901, reference="refund-2")  # 1200 with its tax, less 300
    await taxes.reverse(sale, amount=900, reference="refund-3")
    assert server.taxes.reversals == {"refund-1": ("order-1", -300), "refund-3": ("order-1", -900)}
    server.faults = [Fault("lost_request", where="/v1/tax", times=10)]
    with pytest.raises(TaxUnavailable):
        await taxes.reverse(sale, amount=1, reference="refund-4")


async def test_a_sale_is_recorded_once(taxes, server):
    quoted = await quote(taxes, "FR")
    for _ in range(2):
        assert await taxes.record(quoted.calculation_id, reference="order-1") == "tax_order-1"
    assert server.taxes.transactions == {"order-1": quoted.calculation_id}
    assert await taxes.record("taxcalc_too_old", reference="order-2") is None
    server._replies.clear()  # as after a day, when the key is forgotten
    await taxes.record(quoted.calculation_id, reference="order-1")
    assert list(server.taxes.transactions) == ["order-1"]
    server.faults = [Fault("lost_request", where="/v1/tax", times=10)]
    with pytest.raises(TaxUnavailable):
        await taxes.record(quoted.calculation_id, reference="order-3")
