"""The platform room: what everybody else stands on.

Owns: organizations, their access tokens, webhook endpoints with their events and deliveries, outgoing mail, uploaded
files; how long replies to idempotency keys are kept; test clocks. Later also users and sign-in, OAuth2, notifications.
Does not own: anything about products, money or customers.
Words: an *endpoint* is where a merchant wants webhooks; an *event* is one fact for one endpoint, with the bytes to
send; a *delivery* is one attempt to send it.
Invariants: a token is stored as a hash only; an event exists only for an endpoint that was enabled and subscribed when
the fact happened; deliveries to one endpoint about one subject keep the order of the facts; what is stored of a file is
exactly as long as was announced.
Traps: the key of a webhook signature is the whole secret as text, prefix included (platform spec 8.3).
"""
