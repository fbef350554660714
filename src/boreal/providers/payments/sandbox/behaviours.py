"""How the banks behind the test cards behave: pure rules, by name.

A card is only the name of a behaviour. A charge asks `charge`, keeping a method asks `keep`; both say yes, or that the
customer has to answer a challenge first (3-D Secure), or no with the code that Stripe documents for that card.

>>> charge(BEHAVIOURS["asks_always"], off_session=False, set_up=True, authenticated=False)
Ask()
>>> charge(BEHAVIOURS["asks_always"], off_session=True, set_up=True, authenticated=False).decline.code
'authentication_required'
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from boreal.providers.ports import Risk


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank says no: the code, the finer decline code where there is one, and a sentence for the customer."""

    code: str
    decline_code: str | None
    message: str


class Challenge(Enum):
    """When a card asks its holder to authenticate."""

    NEVER = auto()
    UNTIL_SET_UP = auto()
    """Whenever the holder is there, and without them until the card was set up."""
    ON_SESSION = auto()
    """Whenever the holder is there and pays; it counts as set up already."""
    ALWAYS = auto()


_NORMAL_RISK = Risk("normal", 20)

DISPUTE_FEE = 1500


@dataclass(frozen=True, slots=True)
class Contested:
    """A dispute that follows a payment: its reason, how it begins, and its fee in US cents (0 for mere warnings)."""

    reason: str
    status: Literal["early_warning", "needs_response"] = "needs_response"
    fee: int = DISPUTE_FEE


RefundCourse = Literal["succeeds", "pending", "fails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """All that tells one test card from another.

    `keeps` tells whether the card can be kept although charging it fails. `disputes` follow a payment and share its
    amount.
    """

    decline: Decline | None = None
    keeps: bool = False
    challenge: Challenge = Challenge.NEVER
    refunds: RefundCourse = "succeeds"
    disputes: tuple[Contested, ...] = ()
    risk: Risk = _NORMAL_RISK


@dataclass(frozen=True, slots=True)
class Approve:
    """The bank says yes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The customer has to answer a challenge first."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The bank says no."""

    decline: Decline


Verdict = Approve | Ask | Refuse

AUTHENTICATION_REQUIRED = Decline(
    "authentication_required", "authentication_required", "Your bank asks you to confirm this payment yourself."
)
PAYMENT_CHALLENGE_FAILED = Decline(
    "payment_intent_authentication_failure", None, "Your bank could not confirm that this payment is yours."
)
PAYMENT_CHALLENGE_ABANDONED = Decline(
    PAYMENT_CHALLENGE_FAILED.code, None, "The confirmation with your bank was not finished."
)
SETUP_CHALLENGE_FAILED = Decline(
    "setup_intent_authentication_failure", None, "Your bank could not confirm that this card is yours."
)
SETUP_CHALLENGE_ABANDONED = Decline(SETUP_CHALLENGE_FAILED.code, None, PAYMENT_CHALLENGE_ABANDONED.message)


def charge(behaviour: Behaviour, *, off_session: bool, set_up: bool, authenticated: bool) -> Verdict:
    """What the bank answers to a charge.

    `set_up` says that the card was kept for off-session use before, `authenticated` that its holder has just passed
    the challenge. Off session nobody can answer one, so a card that asks for it is refused.
    """
    if not authenticated and _asks(behaviour.challenge, off_session=off_session, set_up=set_up):
        return Refuse(AUTHENTICATION_REQUIRED) if off_session else Ask()
    return Approve() if behaviour.decline is None else Refuse(behaviour.decline)


def keep(behaviour: Behaviour, *, authenticated: bool) -> Verdict:
    """What the bank answers to keeping the card for later; most cards that decline charges cannot be kept either."""
    if not authenticated and behaviour.challenge in (Challenge.UNTIL_SET_UP, Challenge.ALWAYS):
        return Ask()
    if behaviour.decline is None or behaviour.keeps:
        return Approve()
    return Refuse(behaviour.decline)


def _asks(challenge: Challenge, *, off_session: bool, set_up: bool) -> bool:
    match challenge:
        case Challenge.NEVER:
            return False
        case Challenge.UNTIL_SET_UP:
            return not (off_session and set_up)
        case Challenge.ON_SESSION:
            return not off_session
        case Challenge.ALWAYS:
            return True


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", decline_code, message)


_GENERIC = _declined("generic_decline")
_INSUFFICIENT_FUNDS = _declined("insufficient_funds", "Your card has insufficient funds.")
_FRAUDULENT = _declined("fraudulent")
_INCORRECT_CVC = Decline("incorrect_cvc", None, "The security code of your card is incorrect.")
_PROCESSING_ERROR = Decline(
    "processing_error", None, "Your card could not be processed. Please wait a moment and try again."
)
_HIGHEST_RISK = Risk("highest", 90)

BEHAVIOURS = {
    "approves": Behaviour(),
    # declines
    "generic_decline": Behaviour(decline=_GENERIC),
    "insufficient_funds": Behaviour(decline=_INSUFFICIENT_FUNDS),
    # that a card is reported lost or stolen is not told to whoever holds it
    "lost_card": Behaviour(decline=_declined("lost_card")),
    "stolen_card": Behaviour(decline=_declined("stolen_card")),
    "expired_card": Behaviour(decline=Decline("expired_card", None, "Your card has expired.")),
    "incorrect_cvc": Behaviour(decline=_INCORRECT_CVC),
    "processing_error": Behaviour(decline=_PROCESSING_ERROR),
    "card_velocity_exceeded": Behaviour(
        decline=_declined("card_velocity_exceeded", "Your card was used too often or beyond its limit.")
    ),
    "keeps_then_declines": Behaviour(decline=_GENERIC, keeps=True),
    # the processor's own opinion
    "blocked": Behaviour(decline=_FRAUDULENT, risk=_HIGHEST_RISK),
    "elevated_risk": Behaviour(risk=Risk("elevated", 70)),
    # 3-D Secure
    "asks_until_set_up": Behaviour(challenge=Challenge.UNTIL_SET_UP),
    "asks_always": Behaviour(challenge=Challenge.ALWAYS),
    "asks_on_session": Behaviour(challenge=Challenge.ON_SESSION),
    "asks_then_declines": Behaviour(challenge=Challenge.UNTIL_SET_UP, decline=_GENERIC),
    "asks_then_insufficient_funds": Behaviour(challenge=Challenge.ALWAYS, decline=_INSUFFICIENT_FUNDS, keeps=True),
    "asks_in_vain": Behaviour(decline=_GENERIC),
    # disputes
    "disputed_fraudulent": Behaviour(disputes=(Contested("fraudulent"),)),
    "disputed_not_received": Behaviour(disputes=(Contested("product_not_received"),)),
    "disputed_inquiry": Behaviour(disputes=(Contested("general", fee=0),)),
    "disputed_warning": Behaviour(disputes=(Contested("made_with_stolen_card", status="early_warning", fee=0),)),
    "disputed_multiple": Behaviour(disputes=(Contested("fraudulent"), Contested("fraudulent"))),
    "disputed_compelling": Behaviour(disputes=(Contested("fraudulent"),)),
    "disputed_compliance": Behaviour(disputes=(Contested("noncompliant"),)),
    # refunds
    "refund_pending": Behaviour(refunds="pending"),
    "refund_fails": Behaviour(refunds="fails"),
}
"""Every behaviour by the name under which a method remembers it."""
