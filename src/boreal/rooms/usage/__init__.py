"""The usage room: what is measured.

Owns: events, event types, meters, customer meters and their credits.
Does not own: what usage costs (prices are catalog's, charges are billing's).
Words: an *event* is one immutable thing that a customer did; a *meter* selects and aggregates events; a *customer
meter* is what one customer consumed, was credited and has left.
Invariants: an event counts once per organization and external id, for ever; a read after the ingest reply sees it.
Traps: a customer may be known by external id only when the event comes; sums are exact, never floats.

Not built yet, except for the wire shape of meters.
"""
