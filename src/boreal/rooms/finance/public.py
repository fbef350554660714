"""The door of the finance room: posting to the ledger, customers' credit, and the platform's terms."""

from boreal.rooms.finance.ledger.commands import (
    CUSTOMER_CREDIT,
    customer_credit,
    fee_terms,
    post,
    set_fee_terms,
    take_back,
)
from boreal.rooms.finance.ledger.tables import LedgerPostingRow, LedgerTransactionRow

__all__ = [
    "CUSTOMER_CREDIT",
    "LedgerPostingRow",
    "LedgerTransactionRow",
    "customer_credit",
    "fee_terms",
    "post",
    "set_fee_terms",
    "take_back",
]
