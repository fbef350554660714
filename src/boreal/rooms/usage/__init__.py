"""The usage room: what is measured.

Owns: events and their names, meters, what meters counted, customer meters and their credits, checks, alerts.
Does not own: what usage costs (prices are catalog's, charges are billing's), reading events (insights).
Words: an *event* is one immutable thing that a customer did, a *system event* one that Boreal noted; a *meter* selects
and aggregates events; a *subject* is whom an event is about: a customer, or an external id that may become one, or
nobody; a *place* is a number in the order in which
events were counted; a *segment* is what was used between two places; a *customer meter* is what one customer consumed
in its *window* (since the last reset), was credited and has left.
Invariants: an event counts once per organization and external id, for ever; a read after the ingest reply sees it; what
meters keep is exactly what counting all events anew would give (`boreal check`).
Traps: a customer may be known by external id only when the event comes; sums are exact, never floats; windows go by
the order of counting, quantities by the time that events tell; rows are locked in the order of
`ingestion/statements.py`; `meter_generations` is held by ingestion, so hold it briefly.
For rooms above: `close`, `measure`, `reset`, `credit`, `set_holds` of `public.py`, in the caller's transaction.
"""
