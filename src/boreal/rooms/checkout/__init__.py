"""The checkout room: how somebody comes to buy something.

Owns: checkout sessions, the attempts to confirm them, checkout links, and the receipt of the processor's events.
Does not own: what is bought (catalog), who buys (customers), orders, subscriptions and records of payments (billing).
Words: the *buyer* holds the client secret, the *merchant* an access token; a *shelf* is what a session can sell; a
*selection* is what it sells at the moment; an *attempt* is one request to the payment processor, written down before it
is made; *completing* a confirmed session means fulfilling it or opening it again; a *claim* is held from then on by who
is about to get the one subscription that a buyer may have.
Invariants: a session has at most one attempt under way; a succeeded session has exactly one order; a refused
confirmation leaves the session as it was; who confirms with a discount holds a redemption of it, nobody else does.
Traps: an expired session is still there for its merchant; a confirmed one does not expire; the processor is asked how a
payment stands, an event is only a reason to ask.
"""
