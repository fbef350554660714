"""What the lines of an order are called (orders spec 1.5)."""

from datetime import datetime

from babel.dates import format_date
from babel.numbers import format_decimal

from boreal.core.billing_run import Entry
from boreal.core.prices import Price
from boreal.core.usage_lines import UsageShare, is_capped
from boreal.kit.formats import format_money, format_unit_price

_LOCALE = "en_US"
"""Labels are stored, so they read the same for everybody."""


def trial_label(product_name: str, start: datetime, end: datetime) -> str:
    """The one line of a trial: `Trial period for Pro (Jan 15, 2026 - Jan 22, 2026)`."""
    return f"Trial period for {product_name} ({_day(start)} - {_day(end)})"


def entry_label(entry: Entry) -> str:
    """`Pro — From Jan 15, 2026 to Feb 15, 2026`, or `Remaining time on Pro — …` for what is given back."""
    span = f"{entry.product_name} — From {_day(entry.starts_at)} to {_day(entry.ends_at)}"
    return f"Remaining time on {span}" if entry.amount < 0 else span


def usage_label(meter_name: str, price: Price, share: UsageShare) -> str:
    """`API calls — (1,234 consumed units) × $0.10`, and `— Capped at $20.00` when it was.

    With tiers `API calls — (1,234 consumed units), graduated price`.
    """
    assert price.unit_amount is not None
    assert price.price_currency is not None
    units = format_decimal(share.units, locale=_LOCALE, decimal_quantization=False)
    label = f"{meter_name} — ({units} consumed units)"
    if price.meter_tier_mode is not None:
        label += f", {price.meter_tier_mode.value} price"
    else:
        label += f" × {format_unit_price(price.unit_amount, price.price_currency, _LOCALE)}"
    if price.cap_amount is None or not is_capped(price, share):
        return label
    return f"{label}— Capped at {format_money(price.cap_amount, price.price_currency, _LOCALE)}"


def _day(moment: datetime) -> str:
    """The UTC day in the medium form."""
    return format_date(moment.date(), format="medium", locale=_LOCALE)
