"""The tax of a session: asked of the tax source before the transaction, stored with the amount it belongs to."""

from dataclasses import asdict, replace

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.kit.app import App
from boreal.providers.ports import PostalAddress, TaxQuotes, TaxRefused


async def with_tax(app: App, checkout: Checkout, selection: Selection) -> tuple[Checkout, str | None]:
    """The session with its tax brought up to date, and why the source refused to say, if it did (catalog spec 10.1).

    Nothing to pay for, nothing to tax: 0 without asking. Without a country the tax is unknown.
    """
    untaxed = replace(checkout, tax_amount=0, taxability_reason=None, tax_rate=None, tax_calculation_id=None)
    money = book.totals(amount=checkout.amount, discount_amount=0, tax_amount=0)
    if not book.flags(selection, money, trial_end=checkout.trial_end).is_payment_form_required:
        return untaxed, None
    address = checkout.customer_billing_address
    if not address or not address.get("country"):
        return replace(untaxed, tax_amount=None), None
    if money.net_amount == 0:
        return untaxed, None
    pair = checkout.customer_tax_id
    try:
        quote = await app.get(TaxQuotes).quote(
            money.net_amount,
            currency=checkout.currency,
            address=PostalAddress(**{name: value for name, value in address.items() if value}),
            tax_id=(pair[0], pair[1]) if pair else None,
            now=app.clock.now(),
        )
    except TaxRefused as refused:
        return replace(untaxed, tax_amount=None), str(refused)
    taxed = replace(
        untaxed,
        tax_amount=quote.amount,
        taxability_reason=quote.taxability_reason,
        tax_rate=asdict(quote.rate) if quote.rate else None,
        tax_calculation_id=quote.calculation_id,
    )
    return taxed, None
