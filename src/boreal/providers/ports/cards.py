"""The card form: what a page needs where cards are typed into our own page (the sandbox)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from boreal.providers.ports.payments import Payment, Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEntry:
    """A card as somebody typed it; lives from the form to the exchange for a token and is never printed."""

    number: str = field(repr=False)
    exp_month: str
    exp_year: str
    cvc: str = field(repr=False)


CardField = Literal["number", "exp_month", "exp_year", "cvc"]


@dataclass(frozen=True, slots=True)
class CardFault:
    """What is wrong with one field of a card form, and a sentence that says so."""

    field: CardField
    code: str
    message: str


class CardInvalid(Exception):
    """The card form has faults; at most one per field."""

    def __init__(self, faults: Sequence[CardFault]) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = tuple(faults)


ChallengeAnswer = Literal["accept", "refuse", "abandon"]


class CardForm(Protocol):
    """What a processor's own payment form does, for a page that has to do it itself."""

    async def tokenize(self, card: CardEntry) -> str:
        """A confirmation token for the card, good for one payment within an hour. Raises `CardInvalid`."""
        ...

    async def challenge(self, client_secret: str) -> Payment | Setup | None:
        """What a challenge is about, as it is now; None for an unknown secret."""
        ...

    async def answer_challenge(self, client_secret: str, answer: ChallengeAnswer) -> Payment | Setup:
        """Answers the challenge; one that is not open any more is left as it is. Listeners have heard of it
        on return.

        Raises `ProcessorRefused("resource_missing")` for an unknown secret.
        """
        ...
