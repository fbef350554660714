"""Stripe's public test cards: numbers and well-known names, and the behaviour behind each.

Numbers live in this table and in the form that somebody fills in, nowhere else: a method stores the name of a
behaviour, the brand, the last four digits and a fingerprint.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TestCard:
    """One test card. `names` are the well-known payment methods that stand for it, without their `pm_card_`."""

    __test__ = False

    number: str
    brand: str
    behaviour: str = "approves"
    names: tuple[str, ...] = ()
    country: str = "US"
    funding: str = "credit"


_PREFIX = "pm_card_"

_BRANDS = (
    TestCard("4242424242424242", "visa", names=("visa", "us")),
    TestCard("4000056655665556", "visa", names=("visa_debit",), funding="debit"),
    TestCard("5555555555554444", "mastercard", names=("mastercard",)),
    TestCard("2223003122003222", "mastercard"),
    TestCard("5200828282828210", "mastercard", names=("mastercard_debit",), funding="debit"),
    TestCard("5105105105105100", "mastercard", names=("mastercard_prepaid",), funding="prepaid"),
    TestCard("378282246310005", "amex", names=("amex", "amex_threeDSecureNotSupported")),
    TestCard("371449635398431", "amex"),
    TestCard("6011111111111117", "discover", names=("discover",)),
    TestCard("6011000990139424", "discover"),
    TestCard("6011981111111113", "discover", funding="debit"),
    TestCard("3056930009020004", "diners", names=("diners",)),
    TestCard("36227206271667", "diners"),
    TestCard("6555900000604105", "discover"),
    TestCard("3566002020360505", "jcb", names=("jcb",)),
    TestCard("6200000000000005", "unionpay", names=("unionpay",)),
    TestCard("6200000000000047", "unionpay", funding="debit"),
    TestCard("6205500000000000004", "unionpay"),
)

# Older pages spell the names of declines without the brand; both spellings work.
_DECLINES = (
    TestCard("4000000000000002", "visa", "generic_decline", ("visa_chargeDeclined", "chargeDeclined")),
    TestCard(
        "4000000000009995",
        "visa",
        "insufficient_funds",
        ("visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"),
    ),
    TestCard("4000000000009987", "visa", "lost_card", ("visa_chargeDeclinedLostCard", "chargeDeclinedLostCard")),
    TestCard("4000000000009979", "visa", "stolen_card", ("visa_chargeDeclinedStolenCard", "chargeDeclinedStolenCard")),
    TestCard(
        "4000000000000069", "visa", "expired_card", ("chargeDeclinedExpiredCard", "visa_chargeDeclinedExpiredCard")
    ),
    TestCard(
        "4000000000000127", "visa", "incorrect_cvc", ("chargeDeclinedIncorrectCvc", "visa_chargeDeclinedIncorrectCvc")
    ),
    TestCard(
        "4000000000000119",
        "visa",
        "processing_error",
        ("chargeDeclinedProcessingError", "visa_chargeDeclinedProcessingError"),
    ),
    TestCard(
        "4000000000006975",
        "visa",
        "card_velocity_exceeded",
        ("visa_chargeDeclinedVelocityLimitExceeded", "chargeDeclinedVelocityLimitExceeded"),
    ),
    TestCard("4000000000000341", "visa", "keeps_then_declines", ("chargeCustomerFail",)),
    TestCard("4000000000000101", "visa", "incorrect_cvc", ("cvcCheckFail",)),
)

_RISKS = (
    TestCard("4100000000000019", "visa", "blocked", ("radarBlock", "chargeDeclinedFraudulent")),
    TestCard("4000000000004954", "visa", "blocked", ("riskLevelHighest",)),
    TestCard("4000000000009235", "visa", "elevated_risk", ("riskLevelElevated",)),
    TestCard("4000058400307872", "visa", "elevated_risk", ("cvcCheckFailElevatedRisk",)),
    TestCard("4000058400306072", "visa", "elevated_risk", ("avsZipFailElevatedRisk",)),
    TestCard("4000000000000010", "visa", names=("avsFail",)),
    TestCard("4000000000000028", "visa", names=("avsLine1Fail",)),
    TestCard("4000000000000036", "visa", names=("avsZipFail",)),
    TestCard("4000000000000044", "visa", names=("avsUnchecked",)),
)

_CHALLENGES = (
    TestCard("4000000000003220", "visa", "asks_until_set_up", ("threeDSecure2Required",), "IE"),
    TestCard("4000000000003063", "visa", "asks_until_set_up", ("threeDSecureRequired",)),
    TestCard("4000008400000027", "visa", "asks_until_set_up"),
    TestCard("4000002500003155", "visa", "asks_until_set_up", ("authenticationRequiredOnSetup",), "FR"),
    TestCard("4000002760003184", "visa", "asks_always", ("authenticationRequired",), "DE"),
    TestCard("4000003800000446", "visa", "asks_on_session", ("authenticationRequiredSetupForOffSession",), "IT"),
    TestCard(
        "4000008260003178",
        "visa",
        "asks_then_insufficient_funds",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        "GB",
    ),
    TestCard("4000008400001629", "visa", "asks_then_declines", ("threeDSecureRequiredChargeDeclined",)),
    TestCard("4000008400001280", "visa", "asks_in_vain", ("threeDSecureRequiredProcessingError",)),
    TestCard("4000000000003055", "visa", names=("threeDSecureOptional",)),
    TestCard("4000000000003097", "visa", names=("threeDSecureOptionalProcessingError",)),
    TestCard("4000000032200000", "visa"),
)

_AFTERMATHS = (
    TestCard("4000000000000259", "visa", "disputed_fraudulent", ("createDispute",)),
    TestCard("4000000000002685", "visa", "disputed_not_received", ("createDisputeProductNotReceived",)),
    TestCard("4000000000001976", "visa", "disputed_inquiry", ("createDisputeInquiry",)),
    TestCard("4000000000005423", "visa", "disputed_warning", ("createIssuerFraudRecord",)),
    TestCard("4000000404000079", "visa", "disputed_multiple", ("createMultipleDisputes",)),
    TestCard("4000000404000038", "visa", "disputed_compelling", ("createCe3EligibleDispute",)),
    TestCard("4000008400000779", "visa", "disputed_compliance", ("createComplianceDispute",)),
    TestCard("4000000000007726", "visa", "refund_pending", ("pendingRefund",)),
    TestCard("4000000000005126", "visa", "refund_fails", ("refundFail",)),
    TestCard("4000000000000077", "visa", names=("bypassPending",)),
    TestCard("4000003720000278", "visa", names=("bypassPendingInternational",), country="IE"),
)

_VISA_OF_COUNTRY = """
    AE 4000007840000001  AR 4000000320000021  AT 4000000400000008  AU 4000000360000006  BE 4000000560000004
    BG 4000001000000000  BR 4000000760000002  BY 4000001120000005  CA 4000001240000000  CH 4000007560000009
    CL 4000001520000001  CN 4000001560000002  CO 4000001700000003  CR 4000001880000005  CY 4000001960000008
    CZ 4000002030000002  DE 4000002760000016  DK 4000002080000001  EC 4000002180000000  EE 4000002330000009
    ES 4000007240000007  FI 4000002460000001  FR 4000002500000003  GB 4000008260000000  GI 4000002920000005
    GR 4000003000000030  HK 4000003440000004  HR 4000001910000009  HU 4000003480000005  IE 4000003720000005
    IN 4000003560000008  IT 4000003800000008  JP 4000003920000003  LI 4000004380000004  LT 4000004400000000
    LU 4000004420000006  LV 4000004280000005  MT 4000004700000007  MX 4000004840008001  MY 4000004580000002
    NL 4000005280000002  NO 4000005780000007  NZ 4000005540000008  PA 4000005910000000  PE 4000006040000068
    PL 4000006160000005  PT 4000006200000007  PY 4000006000000066  RO 4000006420000001  SA 4000006820000007
    SE 4000007520000008  SG 4000007020000003  SI 4000007050000006  SK 4000007030000001  TH 4000007640000003
    TW 4000001580000008  UY 4000008580000003
"""

_COUNTRIES = (
    *(
        TestCard(number, "visa", names=(country.lower(),), country=country)
        for country, number in (
            pair.split() for line in _VISA_OF_COUNTRY.split("\n") for pair in line.split("  ") if pair
        )
    ),
    TestCard("4000058260000005", "visa", names=("gb_debit",), country="GB", funding="debit"),
    TestCard("5555558265554449", "mastercard", names=("gb_mastercard",), country="GB"),
    TestCard("5200007840000022", "mastercard", names=("ae_mastercard",), country="AE"),
    TestCard("4000057640000008", "visa", names=("th_debit",), country="TH", funding="debit"),
    TestCard("3530111333300000", "jcb", names=("jp_jcb",), country="JP"),
)

TEST_CARDS = (*_BRANDS, *_DECLINES, *_RISKS, *_CHALLENGES, *_AFTERMATHS, *_COUNTRIES)
"""Every test card."""

_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_BY_NAME = {_PREFIX + name: card for card in TEST_CARDS for name in card.names}

TEST_NAMES = tuple(_BY_NAME)
"""Every name that a program may use in place of a confirmation token."""


def card_by_number(number: str) -> TestCard | None:
    """The test card with this number (digits only)."""
    return _BY_NUMBER.get(number)


def card_by_name(name: str) -> TestCard | None:
    """The test card with this well-known name.

    >>> card_by_name("pm_card_mastercard").brand
    'mastercard'
    """
    return _BY_NAME.get(name)
