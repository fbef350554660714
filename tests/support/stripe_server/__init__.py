"""Stripe as its documentation describes it: a server of the tests, on 127.0.0.1, for the adapters to talk to.

    async with open_stripe() as stripe:
        api = StripeApi(stripe.secret_key, url=stripe.url)
        token = stripe.confirmation_token("pm_card_visa")   # what Stripe.js makes in a browser

wire       forms, errors, lists: how Stripe speaks HTTP
limits     which parameters each operation takes
books      customers, methods, intents, refunds, disputes, and the events that they lead to
taxes      calculations of Stripe Tax
server     the server: keys, idempotency, faults, signed webhooks

It is strict where Stripe is: unknown parameters, wrong types, another version of the API, a key that is used twice.
"""

from tests.support.stripe_server.server import Fault, StripeServer, open_stripe

__all__ = ["Fault", "StripeServer", "open_stripe"]
