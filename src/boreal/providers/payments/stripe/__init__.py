"""Stripe as the payment processor, over the calls of `providers/stripe_api.py`.

objects      from Stripe's objects to the values of the port
processor    behind the port `PaymentProcessor`
webhooks     signed events, behind the port `EventReader`

Importing this package imports the SDK, which costs memory and time, so `main` does it only when Stripe is switched on.
"""

from boreal.providers.payments.stripe.processor import StripeProcessor
from boreal.providers.payments.stripe.webhooks import StripeEvents
from boreal.providers.stripe_api import API_VERSION, StripeApi

__all__ = ["API_VERSION", "StripeApi", "StripeEvents", "StripeProcessor"]
