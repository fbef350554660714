"""The ledger's templates: who has what after each, and that nothing else can be posted (platform spec 11, 16.4)."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core import ledger
from boreal.core.fees import platform_fees
from boreal.core.ledger import Holder, Posting, Transaction, TransactionType, Unbalanced


def holdings(*transactions: Transaction) -> dict[str, int]:
    """What each holder has after some transactions, those with nothing left out."""
    sums: Counter[str] = Counter()
    for transaction in transactions:
        for posting in transaction.postings:
            sums[posting.holder.value] += posting.amount
    assert sum(sums.values()) == 0
    return {holder: amount for holder, amount in sums.items() if amount}


SWEDEN = (
    ledger.sale(net=3000, tax=750, collected=3750, currency="usd"),
    ledger.processor_fee(139, currency="usd"),
    ledger.platform_fees(platform_fees(3750, is_international=True, is_recurring=True), currency="usd"),
)
REFUND = ledger.refund(amount=1000, tax=250, currency="usd")


@pytest.mark.example("platform W24")
def test_a_sale() -> None:
    assert holdings(*SWEDEN) == {"buyers": -3750, "merchant": 2735, "platform": 126, "tax": 750, "processor": 139}
    fees = [posting for posting in SWEDEN[2].postings if posting.holder is Holder.PLATFORM]
    assert [(posting.fee_type, posting.amount) for posting in fees] == [
        ("payment", 190),
        ("international_payment", 56),
        ("subscription", 19),
    ]
    books = holdings(*SWEDEN)
    assert books["merchant"] + books["platform"] == 3000 - 139


@pytest.mark.example("platform W25")
def test_a_refund_keeps_the_fees() -> None:
    after = holdings(*SWEDEN, REFUND)
    assert (after["merchant"], after["platform"], after["tax"]) == (1735, 126, 500)


@pytest.mark.example("platform W26")
def test_a_refund_that_failed_leaves_nothing_behind() -> None:
    assert holdings(*SWEDEN, REFUND, ledger.reversal(REFUND)) == holdings(*SWEDEN)
    assert ledger.reversal(REFUND).type is TransactionType.REFUND_REVERSAL


US_SALE = (
    ledger.sale(net=10000, tax=0, collected=10000, currency="usd"),
    ledger.processor_fee(320, currency="usd"),
    ledger.platform_fees(platform_fees(10000, is_international=False, is_recurring=False), currency="usd"),
)
DISPUTE = ledger.dispute(amount=10000, tax=0, currency="usd")
FEES_OF_DISPUTE = (ledger.processor_fee(1500, currency="usd"), ledger.dispute_fee(1500, currency="usd"))


@pytest.mark.example("platform W28")
def test_a_lost_dispute() -> None:
    lost = ledger.dispute_loss(10000, currency="usd")
    after = holdings(*US_SALE, DISPUTE, *FEES_OF_DISPUTE, lost)
    assert (after["platform"], after["merchant"]) == (120, -1940)


@pytest.mark.example("platform W29")
def test_a_dispute_that_was_won() -> None:
    after = holdings(*US_SALE, DISPUTE, *FEES_OF_DISPUTE, ledger.reversal(DISPUTE))
    assert (after["platform"], after["merchant"]) == (120, 8060)


@pytest.mark.parametrize(
    ("net", "tax", "collected", "credit"),
    [
        (1000, 200, 1200, 0),
        (1000, 200, 900, -300),  # partly paid by credit
        (1000, 200, 0, -1200),  # by credit alone
        (1000, 0, 1040, 40),  # with a debt from before
        (40, 0, 0, -40),  # too small to collect: a debt
        (-8041, -1608, 0, 9649),  # a yearly plan became a monthly one
    ],
)
def test_what_is_not_collected_is_a_customers_credit(net: int, tax: int, collected: int, credit: int) -> None:
    after = holdings(ledger.sale(net=net, tax=tax, collected=collected, currency="usd"))
    assert after.get("credit", 0) == credit
    assert (after["merchant"], after.get("tax", 0), after.get("buyers", 0)) == (net, tax, -collected)


@pytest.mark.parametrize(
    ("from_credit", "expected"),
    [
        (0, {"buyers": 125, "merchant": -100, "tax": -25}),
        (125, {"buyers": 125, "credit": -125}),
        (50, {"buyers": 125, "credit": -50, "merchant": -60, "tax": -15}),
    ],
)
def test_a_refund_takes_away_credit_first(from_credit: int, expected: dict[str, int]) -> None:
    assert holdings(ledger.refund(amount=100, tax=25, from_credit=from_credit, currency="usd")) == expected


def test_only_refunds_and_disputes_can_be_taken_back() -> None:
    with pytest.raises(KeyError):
        ledger.reversal(SWEDEN[0])


CURRENCIES = st.sampled_from(["usd", "eur"])
POSTINGS = st.builds(Posting, st.sampled_from(Holder), st.integers(-3, 3), CURRENCIES)


@given(st.lists(POSTINGS))
def test_what_does_not_add_up_in_every_currency_cannot_be_made(postings: list[Posting]) -> None:
    adds_up = all(sum(p.amount for p in postings if p.currency == each) == 0 for each in ("usd", "eur"))
    if adds_up:
        Transaction(TransactionType.SALE, tuple(postings))
    else:
        with pytest.raises(Unbalanced):
            Transaction(TransactionType.SALE, tuple(postings))


def test_amounts_are_whole_numbers() -> None:
    half = Posting(Holder.BUYERS, 0.5, "usd")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Transaction(TransactionType.SALE, (half, Posting(Holder.TAX, -0.5, "usd")))  # type: ignore[arg-type]


AMOUNT = st.integers(0, 10**9)


@given(AMOUNT, AMOUNT, st.data())
def test_a_refund_takes_no_more_from_anybody_than_their_part(amount: int, tax: int, data: st.DataObject) -> None:
    from_credit = data.draw(st.integers(0, amount + tax))
    after = holdings(ledger.refund(amount=amount, tax=tax, from_credit=from_credit, currency="usd"))
    assert -amount <= after.get("merchant", 0) <= 0
    assert -tax <= after.get("tax", 0) <= 0
