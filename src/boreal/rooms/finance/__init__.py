"""The finance room: whose money it is.

Owns: the ledger, and on which terms the platform takes its fee. Later also accounts, wallets, payouts and reverse
invoices.
Does not own: orders, payments, refunds and disputes (billing), which post to the ledger through here.
Words: a *transaction* of the ledger is a handful of *postings* that add up to zero; a posting moves an amount to or
from a *holder*; what a holder has is the sum of its postings; a customer's *credit* is what the merchant owes them for
a later order, below zero what they owe.
Invariants: postings add up to zero per transaction and currency, are never changed, and happen once per source.
Traps: buyers have less than nothing; the fee is taken on the gross amount, tax included; tax is the operator's to
remit and never a merchant's; credit is kept per customer and currency and read under the customer's row lock.
"""
