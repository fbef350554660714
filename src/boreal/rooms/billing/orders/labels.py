"""What the lines of an order are called (orders spec 1.5)."""

from datetime import datetime

from babel.dates import format_date


def trial_label(product_name: str, start: datetime, end: datetime) -> str:
    """The one line of a trial: `Trial period for Pro (Jan 15, 2026 - Jan 22, 2026)`."""
    return f"Trial period for {product_name} ({_day(start)} - {_day(end)})"


def _day(moment: datetime) -> str:
    """The UTC day in the en-US medium form, whoever reads it: labels are stored."""
    return format_date(moment.date(), format="medium", locale="en_US")
