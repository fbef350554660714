"""Every test number and every well-known name, as Stripe's public page describes it."""

from boreal.providers.payments.sandbox.cards import TEST_CARDS, TEST_NAMES, card_by_name
from boreal.providers.ports import CardEntry, Declined, NewMethod, RequiresAction, SavedMethod, SetupRequest, Succeeded

GENERIC = ("card_declined", "generic_decline")
FUNDS = ("card_declined", "insufficient_funds")
YES = "succeeded"
ASKS = "requires_action"

# number: (payment with the customer there, after an accepted challenge, keeping the card, then a payment without them)
# (keeping includes its own challenge, as a pair if it ends badly); None where it does not come to that
DIFFERENT = {
    "4000000000000002": (GENERIC, None, GENERIC, None),
    "4000000000009995": (FUNDS, None, FUNDS, None),
    "4000000000009987": (("card_declined", "lost_card"), None, ("card_declined", "lost_card"), None),
    "4000000000009979": (("card_declined", "stolen_card"), None, ("card_declined", "stolen_card"), None),
    "4000000000000069": (("expired_card", None), None, ("expired_card", None), None),
    "4000000000000127": (("incorrect_cvc", None), None, ("incorrect_cvc", None), None),
    "4000000000000101": (("incorrect_cvc", None), None, ("incorrect_cvc", None), None),
    "4000000000000119": (("processing_error", None), None, ("processing_error", None), None),
    "4000000000006975": (
        ("card_declined", "card_velocity_exceeded"),
        None,
        ("card_declined", "card_velocity_exceeded"),
        None,
    ),
    "4000000000000341": (GENERIC, None, YES, GENERIC),
    "4100000000000019": (("card_declined", "fraudulent"), None, ("card_declined", "fraudulent"), None),
    "4000000000004954": (("card_declined", "fraudulent"), None, ("card_declined", "fraudulent"), None),
    "4000000000003220": (ASKS, YES, ASKS, YES),
    "4000000000003063": (ASKS, YES, ASKS, YES),
    "4000008400000027": (ASKS, YES, ASKS, YES),
    "4000002500003155": (ASKS, YES, ASKS, YES),
    "4000002760003184": (ASKS, YES, ASKS, ("authentication_required", "authentication_required")),
    "4000003800000446": (ASKS, YES, YES, YES),
    "4000008260003178": (ASKS, FUNDS, ASKS, ("authentication_required", "authentication_required")),
    "4000008400001629": (ASKS, GENERIC, (ASKS, GENERIC), None),
    "4000008400001280": (GENERIC, None, GENERIC, None),
}
BRANDS = {
    "4242424242424242": ("visa", "credit", "US"),
    "4000056655665556": ("visa", "debit", "US"),
    "5555555555554444": ("mastercard", "credit", "US"),
    "2223003122003222": ("mastercard", "credit", "US"),
    "5200828282828210": ("mastercard", "debit", "US"),
    "5105105105105100": ("mastercard", "prepaid", "US"),
    "378282246310005": ("amex", "credit", "US"),
    "371449635398431": ("amex", "credit", "US"),
    "6011111111111117": ("discover", "credit", "US"),
    "6011000990139424": ("discover", "credit", "US"),
    "3056930009020004": ("diners", "credit", "US"),
    "36227206271667": ("diners", "credit", "US"),
    "3566002020360505": ("jcb", "credit", "US"),
    "6200000000000005": ("unionpay", "credit", "US"),
    "6205500000000000004": ("unionpay", "credit", "US"),
    "4000002760000016": ("visa", "credit", "DE"),
    "4000008260000000": ("visa", "credit", "GB"),
}
NAMES = {
    "pm_card_visa": "4242424242424242",
    "pm_card_us": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_diners": "3056930009020004",
    "pm_card_jcb": "3566002020360505",
    "pm_card_unionpay": "6200000000000005",
    "pm_card_de": "4000002760000016",
    "pm_card_gb": "4000008260000000",
    "pm_card_jp": "4000003920000003",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_riskLevelElevated": "4000000000009235",
    "pm_card_riskLevelHighest": "4000000000004954",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequired": "4000000000003063",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_threeDSecureRequiredProcessingError": "4000008400001280",
    "pm_card_threeDSecureOptional": "4000000000003055",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_createIssuerFraudRecord": "4000000000005423",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}


def told(outcome):
    return (outcome.code, outcome.decline_code) if isinstance(outcome, Declined) else outcome.status


async def token_of(bank, number):
    cvc = "1234" if number.startswith("37") else "123"
    return await bank.processor.tokenize(CardEntry(number=number, exp_month="7", exp_year="31", cvc=cvc))


async def seen(bank, number):
    """What the card does in the four situations."""
    payment = await bank.pay(await token_of(bank, number))
    there, accepted = told(payment.outcome), None
    if isinstance(payment.outcome, RequiresAction):
        accepted = told((await bank.processor.answer_challenge(payment.client_secret, "accept")).outcome)

    setup = await bank.set_up(await token_of(bank, number))
    kept, later = told(setup.outcome), None
    if isinstance(setup.outcome, RequiresAction):
        setup = await bank.processor.answer_challenge(setup.client_secret, "accept")
        kept = kept if isinstance(setup.outcome, Succeeded) else (kept, told(setup.outcome))
    if isinstance(setup.outcome, Succeeded):
        assert setup.method.customer == bank.customer
        off_session = await bank.pay(source=SavedMethod(setup.method.id), off_session=True)
        assert off_session.method.id == setup.method.id
        later = told(off_session.outcome)
    return there, accepted, kept, later


async def test_every_number(bank):
    wrong = {}
    for card in TEST_CARDS:
        outcome = await seen(bank, card.number)
        expected = DIFFERENT.get(card.number, (YES, None, YES, YES))
        if outcome != expected:
            wrong[card.number] = (outcome, expected)
    assert wrong == {}
    assert set(DIFFERENT) <= {card.number for card in TEST_CARDS}


async def test_every_name_is_its_card(bank):
    """A name can be used in place of a token, again and again, and is the same card as its number."""
    for name in TEST_NAMES:
        named = await bank.pay(name)
        card = card_by_name(name)
        typed = await bank.pay(await token_of(bank, card.number))
        assert told(named.outcome) == told(typed.outcome), name
        assert named.method.card.fingerprint == typed.method.card.fingerprint, name
        assert (named.method.card.brand, named.method.card.last4) == (card.brand, card.number[-4:]), name
    for name, number in NAMES.items():
        assert card_by_name(name).number == number
    assert (await bank.pay("pm_card_visa")).outcome == Succeeded()


async def test_what_is_known_of_a_card(bank):
    for number, (brand, funding, country) in BRANDS.items():
        card = (await bank.pay(await token_of(bank, number))).method.card
        assert (card.brand, card.funding, card.country) == (brand, funding, country)
        assert (card.last4, card.exp_month, card.exp_year, card.wallet) == (number[-4:], 7, 2031, None)


CHARGES = [
    ("pm_card_visa", "succeeded", ("normal", 20)),
    ("pm_card_riskLevelElevated", "succeeded", ("elevated", 70)),
    ("pm_card_radarBlock", "failed", ("highest", 90)),
    ("pm_card_visa_chargeDeclined", "failed", ("normal", 20)),
    ("pm_card_threeDSecure2Required", None, None),
]


async def test_charges(bank):
    for token, charged, risk in CHARGES:
        charge = (await bank.pay(token)).charge
        assert (charge and charge.status) == charged, token
        assert (charge and (charge.risk.level, charge.risk.score)) == risk, token


async def test_messages_are_sentences(bank):
    messages = {
        name: payment.outcome.message
        for name in TEST_NAMES
        if isinstance((payment := await bank.pay(name)).outcome, Declined)
    }
    assert messages["pm_card_chargeDeclinedInsufficientFunds"] == "Your card has insufficient funds."
    assert messages["pm_card_chargeDeclinedExpiredCard"] == "Your card has expired."
    # whoever holds a stolen card is not told that it is known to be one
    assert messages["pm_card_chargeDeclinedStolenCard"] == messages["pm_card_chargeDeclined"]
    assert all(message[0].isupper() and message.endswith(".") for message in messages.values())


async def test_decline_reason(bank):
    for name, reason in (("LostCard", "lost_card"), ("ExpiredCard", "expired_card")):
        assert (await bank.pay("pm_card_chargeDeclined" + name)).outcome.reason == reason


async def test_a_card_that_was_never_kept_cannot_be_asked_for_off_session(bank):
    payment = await bank.pay("pm_card_authenticationRequiredOnSetup", off_session=True)
    assert told(payment.outcome) == ("authentication_required", "authentication_required")
    assert payment.charge is None


async def test_saving_with_the_payment_sets_the_card_up(bank):
    first = await bank.pay("pm_card_authenticationRequiredOnSetup", save_for_later=True)
    assert first.method.customer is None
    first = await bank.processor.answer_challenge(first.client_secret, "accept")
    assert first.method.customer == bank.customer
    renewal = await bank.pay(source=SavedMethod(first.method.id), off_session=True)
    assert renewal.outcome == Succeeded()
    assert [method.id for method in await bank.processor.list_methods(bank.customer)] == [first.method.id]


async def test_a_setup_leaves_nothing_behind_when_the_card_is_declined(bank):
    setup = await bank.processor.create_setup(
        SetupRequest(customer=bank.customer, source=NewMethod("pm_card_chargeDeclined")), idempotency_key="s"
    )
    assert told(setup.outcome) == GENERIC
    assert setup.method.customer is None
    assert await bank.processor.list_methods(bank.customer) == []
