"""Amounts, numbers and days as a reader of a given locale expects to see and to type them.

Money travels as an integer in minor units and a currency code; CLDR (through Babel) knows how many digits a currency
has and where its symbol stands. Nothing here ever touches a float.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import (
    NumberFormatError,
    format_currency,
    format_decimal,
    get_currency_precision,
    get_currency_symbol,
    parse_decimal,
)

_PLAIN = re.compile(r"\d+(?:[.,]\d{1,2})?")
_LETTER = re.compile(r"[^\W\d_]")  # an exponent and "NaN" are numbers for machines only
_DEFAULT_LOCALE = "en_US"


@lru_cache(maxsize=512)
def locale_of(accept_language: str) -> Locale:
    """The first locale of an `Accept-Language` header (or a single tag) that CLDR knows; `en_US` when there is
    none."""
    weighted = []
    for position, part in enumerate(accept_language[:500].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighted.append((-Decimal(quality or 1), position, Locale.parse(tag.replace("-", "_"))))
        except (ValueError, UnknownLocaleError, InvalidOperation):
            continue
    return min(weighted, key=lambda item: item[:2])[2] if weighted else Locale.parse(_DEFAULT_LOCALE)


def format_money(amount: int, currency: str, locale: Locale | str) -> str:
    """`amount` in minor units as text: 2400 `usd` is "$24.00" in `en_US` and "24,00 $" in `de`."""
    return format_currency(_major(amount, currency), currency.upper(), locale=locale)


def format_unit_price(amount: Decimal | str, currency: str, locale: Locale | str) -> str:
    """A price of one unit in minor units, with every decimal it has: "0.025" `usd` is "$0.00025"."""
    major = Decimal(amount).scaleb(-get_currency_precision(currency.upper())).normalize()
    return format_currency(major, currency.upper(), locale=locale, decimal_quantization=False)


def format_number(number: int, locale: Locale | str) -> str:
    """A whole number with its groups: 1000 is "1,000" in `en_US` and "1.000" in `de`."""
    return format_decimal(number, locale=locale)


def format_amount(amount: int, currency: str, locale: Locale | str) -> str:
    """`amount` in minor units as one would type it: no symbol and no grouping, 2400 `usd` is "24.00" in `en`."""
    digits = get_currency_precision(currency.upper())
    pattern = "0." + "0" * digits if digits else "0"
    return format_decimal(_major(amount, currency), format=pattern, locale=locale)


def parse_amount(text: str, currency: str, locale: Locale | str) -> int:
    """Minor units from what somebody typed, with or without the symbol.

    The locale's own way of writing decides; what it cannot read is read plainly, so that "12.50" typed by a German is
    twelve and a half and never 1,250. Raises `ValueError` for anything else, and for more decimals than the currency
    has.
    """
    code = currency.upper()
    bare = text.strip()
    for ornament in (
        get_currency_symbol(code, locale=locale),
        get_currency_symbol(code, locale="en"),
        code,
        "\u00a0",
        " ",
    ):
        bare = bare.replace(ornament, "")
    if _LETTER.search(bare):
        raise ValueError(f"not an amount: {text!r}")
    try:
        major = parse_decimal(bare, locale=locale, strict=True)
    except NumberFormatError:
        if not _PLAIN.fullmatch(bare):
            raise ValueError(f"not an amount: {text!r}") from None
        major = Decimal(bare.replace(",", "."))
    minor = major.scaleb(get_currency_precision(code))
    if minor != minor.to_integral_value():
        raise ValueError(f"too many decimals for {code}: {text!r}")
    return int(minor)


def format_day(moment: datetime | str, locale: Locale | str) -> str:
    """The day of an aware moment or an ISO 8601 string, written out: "7 March 2026" in `en_GB`."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return format_date(moment.date(), format="long", locale=locale)


def format_moment(moment: datetime | str, locale: Locale | str) -> str:
    """Day and time in UTC, short: "7 Mar 2026, 14:05 UTC" in `en_GB`."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    day = format_date(moment.astimezone(UTC), format="medium", locale=locale)
    return f"{day}, {format_time(moment.astimezone(UTC), format='short', tzinfo=UTC, locale=locale)} UTC"


def _major(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-get_currency_precision(currency.upper()))
