"""The customers room: who buys.

Owns: customers and their sessions; later also members and member sessions.
Does not own: what a customer bought and pays with (billing), has (entitlements) or used (usage).
Words: an *external id* is the merchant's own name for a customer; a *short id* is the customer's part of an invoice
number; a *session* lets a customer into the portal for an hour.
Invariants: among the living customers of an organization an e-mail, in any case of letters, and an external id exist
once; an external id never changes, deletion alone takes it off; a session's token is stored as a hash only.
Traps: a purchase never changes the e-mail or the external id of a known customer; the row lock of a customer serialises
everything of billing and entitlements about it, so take it last (checkout, discount, customer) and hold it briefly;
`read` finds deleted customers too, `find` does not; a deleted customer's facts are rendered like any other's.
"""
