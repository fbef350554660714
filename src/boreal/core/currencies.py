"""Currencies in which a checkout can be presented (catalog spec 6.3)."""

from enum import StrEnum


class PresentmentCurrency(StrEnum):
    """Lower-case ISO 4217 codes of the presentment currencies."""

    USD = "usd"
    EUR = "eur"
    GBP = "gbp"
    CAD = "cad"
    AUD = "aud"
    JPY = "jpy"
    CHF = "chf"
    SEK = "sek"
