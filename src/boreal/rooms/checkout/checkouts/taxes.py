"""The tax of a session: asked of the tax source before the transaction, stored with the amount it belongs to."""

from dataclasses import asdict, replace

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.core.discounts import Discount
from boreal.kit.app import App
from boreal.providers.ports import PostalAddress, TaxQuotes, TaxRefused


async def with_tax(
    app: App, checkout: Checkout, selection: Selection, discount: Discount | None
) -> tuple[Checkout, str | None]:
    """The session with its tax brought up to date, and why the source refused to say, if it did (catalog spec 10.1).

    Nothing to pay for, nothing to tax: 0 without asking. Without a country the tax is unknown.
    """
    untaxed = replace(checkout, tax_amount=0, taxability_reason=None, tax_rate=None, tax_calculation_id=None)
    money = book.money(untaxed, discount)
    if money.net_amount == 0 or not book.flags(untaxed, selection, discount).is_payment_form_required:
        return untaxed, None
    address = {name: value for name, value in (checkout.customer_billing_address or {}).items() if value}
    if "country" not in address:
        return replace(untaxed, tax_amount=None), None
    pair = checkout.customer_tax_id
    try:
        quote = await app.get(TaxQuotes).quote(
            money.net_amount,
            currency=checkout.currency,
            address=PostalAddress(**address),
            tax_id=(pair[0], pair[1]) if pair else None,
            now=await app.times.now(checkout.organization_id),
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
