"""The finance room: whose money it is.

Owns: the ledger, accounts, platform fees, wallets, payouts and reverse invoices.
Does not own: orders, payments, refunds and disputes (billing), which post to the ledger through here.
Words: a *posting* moves an amount between two accounts of the ledger; a *balance* is a sum of postings.
Invariants: postings are append-only and balance per currency.
Traps: the fee is taken on the gross amount, tax included.

Not built yet.
"""
