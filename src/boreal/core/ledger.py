"""The ledger: whose money it is, after everything that moves some (platform spec 11).

Money always moves between holders, so a transaction is a handful of postings that add up to zero, and one that does not
cannot be made. What a holder has is the sum of its postings. Buyers have less than nothing: it is their money that
everybody else has. A sale of 30.00 with 7.50 of tax, all paid by card:

    >>> for posting in sale(net=3000, tax=750, collected=3750, currency="usd").postings:
    ...     print(posting.holder.value, posting.amount)
    buyers -3750
    merchant 3000
    tax 750

The functions below are the templates; nothing is posted that is not made by one of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from boreal.core.fees import Fee, FeeType
from boreal.core.money import proportion


class Holder(StrEnum):
    """Who has money, or owes it if the sum is below zero."""

    BUYERS = "buyers"
    """Those who pay: below zero by all that was collected and not given back."""
    MERCHANT = "merchant"
    """The organization: what it has earned and can be paid out."""
    PLATFORM = "platform"
    """Boreal's operator: fees taken, less what payment processors took."""
    TAX = "tax"
    """The authorities: the operator is the merchant of record, so tax is the operator's to remit."""
    PROCESSOR = "processor"
    """Companies that move money: what they charged."""
    CREDIT = "credit"
    """One customer: what the merchant owes them for a later order, or they owe from an earlier one."""


class TransactionType(StrEnum):
    """Why money moved."""

    SALE = "sale"
    PLATFORM_FEE = "platform_fee"
    PROCESSOR_FEE = "processor_fee"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    DISPUTE = "dispute"
    DISPUTE_LOSS = "dispute_loss"
    DISPUTE_REVERSAL = "dispute_reversal"
    DISPUTE_FEE = "dispute_fee"
    SURPLUS = "surplus"
    SURPLUS_RETURN = "surplus_return"


class Unbalanced(ValueError):
    """Postings that do not add up to zero."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What arrives at a holder (below zero: leaves it), in minor units; `fee_type` says which fee it is."""

    holder: Holder
    amount: int
    currency: str
    fee_type: FeeType | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings that belong together. Raises `Unbalanced` unless they add up to zero in every currency."""

    type: TransactionType
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        sums: Counter[str] = Counter()
        for posting in self.postings:
            if type(posting.amount) is not int:
                raise TypeError(f"{posting.amount!r} is not a whole number of minor units")
            sums[posting.currency] += posting.amount
        if any(sums.values()):
            raise Unbalanced(f"{self.type}: {dict(sums)}")


def sale(*, net: int, tax: int, collected: int, currency: str) -> Transaction:
    """A settled order: net to the merchant, tax to the authorities, paid by what was collected and by credit.

    What an order comes to and what was collected for it differ by the customer's credit: an order partly paid by credit
    takes some, one of a negative total gives some, and a due amount too small to be collected becomes a debt (orders
    spec 1.7, 18.22, 18.23).
    """
    return _transaction(
        TransactionType.SALE,
        currency,
        {
            Holder.BUYERS: -collected,
            Holder.CREDIT: collected - net - tax,
            Holder.MERCHANT: net,
            Holder.TAX: tax,
        },
    )


def platform_fees(fees: Sequence[Fee], *, currency: str) -> Transaction:
    """Fees of a payment, from the merchant to the platform, a pair for each; credits come back (platform spec 11.3)."""
    return _fees(TransactionType.PLATFORM_FEE, fees, currency)


def dispute_fee(amount: int, *, currency: str) -> Transaction:
    """What a resolved dispute costs the merchant, whoever won (platform spec 14)."""
    return _fees(TransactionType.DISPUTE_FEE, [Fee(FeeType.DISPUTE, amount)], currency)


def processor_fee(amount: int, *, currency: str) -> Transaction:
    """What a processor charged for a payment, a refund or a dispute; the platform bears it (platform spec 12.1)."""
    return _transaction(TransactionType.PROCESSOR_FEE, currency, {Holder.PLATFORM: -amount, Holder.PROCESSOR: amount})


def refund(*, amount: int, tax: int, from_credit: int = 0, currency: str) -> Transaction:
    """Money back to a buyer: from the merchant without tax, the tax from the authorities. Fees are kept.

    `from_credit` of it takes away credit that the customer had, so that nobody is paid twice (orders spec 15.4); it
    spares merchant and authorities in the proportion in which they would have paid.
    """
    spared_tax = proportion(from_credit, tax, amount + tax)
    return _transaction(
        TransactionType.REFUND,
        currency,
        {
            Holder.BUYERS: amount + tax,
            Holder.CREDIT: -from_credit,
            Holder.MERCHANT: -(amount - (from_credit - spared_tax)),
            Holder.TAX: -(tax - spared_tax),
        },
    )


def dispute(*, amount: int, tax: int, currency: str) -> Transaction:
    """Money that a bank took back for a buyer; the platform bears the amount until it is known who won."""
    return _transaction(
        TransactionType.DISPUTE,
        currency,
        {Holder.BUYERS: amount + tax, Holder.PLATFORM: -amount, Holder.TAX: -tax},
    )


def dispute_loss(amount: int, *, currency: str) -> Transaction:
    """A lost dispute: the merchant makes up for what the platform bore."""
    return _transaction(TransactionType.DISPUTE_LOSS, currency, {Holder.MERCHANT: -amount, Holder.PLATFORM: amount})


def surplus(amount: int, *, currency: str) -> Transaction:
    """Money that nobody was asked for any more: the platform holds it until it is given back, and takes no fee."""
    return _transaction(TransactionType.SURPLUS, currency, {Holder.BUYERS: -amount, Holder.PLATFORM: amount})


_REVERSALS = {
    TransactionType.REFUND: TransactionType.REFUND_REVERSAL,
    TransactionType.DISPUTE: TransactionType.DISPUTE_REVERSAL,
    TransactionType.SURPLUS: TransactionType.SURPLUS_RETURN,
}


def reversal(transaction: Transaction) -> Transaction:
    """What takes a refund, a dispute or a surplus back to the last cent; a `KeyError` for anything else."""
    mirrored = tuple(
        Posting(posting.holder, -posting.amount, posting.currency, posting.fee_type) for posting in transaction.postings
    )
    return Transaction(_REVERSALS[transaction.type], mirrored)


def _transaction(type: TransactionType, currency: str, amounts: dict[Holder, int]) -> Transaction:
    """Postings of nothing are left out."""
    return Transaction(type, tuple(Posting(holder, amount, currency) for holder, amount in amounts.items() if amount))


def _fees(type: TransactionType, fees: Sequence[Fee], currency: str) -> Transaction:
    return Transaction(
        type,
        tuple(
            Posting(holder, sign * fee.amount, currency, fee.type)
            for fee in fees
            if fee.amount
            for holder, sign in ((Holder.MERCHANT, -1), (Holder.PLATFORM, 1))
        ),
    )
