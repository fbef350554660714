"""The smallest and the largest amount that can be charged, as at Stripe."""

from boreal.providers.ports import ProcessorRefused

_MINIMUM = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "jpy": 50, "chf": 50, "sek": 300}
_MINIMUM_ELSEWHERE = 50
_MAXIMUM = 99_999_999


def check_amount(amount: int, currency: str) -> None:
    """Raises `ProcessorRefused` for an amount that cannot be charged in the currency (catalog spec 11, example 20).

    >>> check_amount(40, "usd")
    Traceback (most recent call last):
    boreal.providers.ports.payments.ProcessorRefused: amount_too_small: The amount is below the minimum charge.
    """
    if amount < _MINIMUM.get(currency, _MINIMUM_ELSEWHERE):
        raise ProcessorRefused("amount_too_small", "The amount is below the minimum charge.")
    if amount > _MAXIMUM:
        raise ProcessorRefused("amount_too_large", "The amount is above the maximum charge.")
