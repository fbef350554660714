"""What a card form checks before anything is stored: pure, at most one fault per field.

Only test cards pass. A number that could be somebody's real card is refused here and kept nowhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from boreal.providers.payments.sandbox.cards import TestCard, card_by_number
from boreal.providers.ports import CardEntry, CardFault, CardInvalid

_YEARS_AHEAD = 50
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class CheckedCard:
    """A test card with an expiry that has not passed."""

    card: TestCard
    exp_month: int
    exp_year: int


def check(entry: CardEntry, *, now: datetime) -> CheckedCard:
    """The test card that was typed. Raises `CardInvalid` with everything that is wrong with the form.

    Spaces and dashes in the number do not matter; the year has two or four digits; a card is good until the end of its
    month.
    """
    number = re.sub(r"[\s-]", "", entry.number)
    card = card_by_number(number)
    month, year = _number(entry.exp_month), _number(entry.exp_year)
    if year is not None and year < 100:
        year += now.year - now.year % 100
    faults = [*_number_faults(number), *_expiry_faults(month, year, now), *_cvc_faults(number, entry.cvc)]
    if faults or card is None or month is None or year is None:
        raise CardInvalid(faults)
    return CheckedCard(card, month, year)


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1).

    >>> luhn("4242424242424242"), luhn("4242424242424241")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if len(text) <= 4 and _DIGITS.fullmatch(text) else None


def _number_faults(number: str) -> Iterator[CardFault]:
    if not number:
        yield CardFault("number", "incomplete_number", "Please enter a card number.")
    elif not _DIGITS.fullmatch(number):
        yield CardFault("number", "invalid_number", "A card number consists of digits.")
    elif len(number) < 12:
        yield CardFault("number", "incomplete_number", "The card number is not complete.")
    elif len(number) > 19 or not luhn(number):
        yield CardFault("number", "incorrect_number", "The card number is not correct.")
    elif card_by_number(number) is None:
        yield CardFault("number", "test_card_required", "This is a sandbox: only test card numbers work here.")


def _expiry_faults(month: int | None, year: int | None, now: datetime) -> Iterator[CardFault]:
    month_valid = month is not None and 1 <= month <= 12
    if not month_valid:
        yield CardFault("exp_month", "invalid_expiry_month", "The expiry month is not valid.")
    if year is None or year > now.year + _YEARS_AHEAD:
        yield CardFault("exp_year", "invalid_expiry_year", "The expiry year is not valid.")
    elif year < now.year:
        yield CardFault("exp_year", "expired_card", "The card has expired.")
    elif year == now.year and month_valid and month is not None and month < now.month:
        yield CardFault("exp_month", "expired_card", "The card has expired.")


def _cvc_faults(number: str, cvc: str) -> Iterator[CardFault]:
    expected = 4 if number.startswith(("34", "37")) else 3
    if len(cvc.strip()) != expected or not _DIGITS.fullmatch(cvc.strip()):
        yield CardFault("cvc", "invalid_cvc", f"The security code has {expected} digits.")
