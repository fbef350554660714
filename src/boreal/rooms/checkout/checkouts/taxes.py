"""The tax of a session: asked of the tax source before the transaction, stored with the amount it belongs to."""

from dataclasses import asdict, replace
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, Selection
from boreal.core.discounts import Discount
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import PostalAddress, TaxQuotes, TaxRecords, TaxRefused, TaxUnavailable


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


def record_later(tx: Tx, checkout: Checkout, order_id: UUID) -> None:
    """Tells the tax source that its quote became an order; nothing for an order that begins a trial (10.1)."""
    if checkout.tax_calculation_id is None or checkout.trial_end is not None:
        return
    payload = {"calculation_id": checkout.tax_calculation_id, "order_id": str(order_id)}
    tx.enqueue("record_tax", payload=payload, unique_key=str(order_id))


async def record(app: App, work: Work) -> None:
    """Kind of work `record_tax`: safe to run again, as the order's id is the reference."""
    source: TaxRecords | None = app.adapters.get(TaxRecords)
    if source is None:
        return
    try:
        await source.record(work.payload["calculation_id"], reference=work.payload["order_id"])
    except TaxUnavailable:
        raise Later(app.clock.now() + app.kinds[work.kind].backoff(work.attempts)) from None
