"""Stripe as the payment processor.

api          calls over Stripe's SDK: keys, time limits, and what errors mean
objects      from Stripe's objects to the values of the port
processor    behind the port `PaymentProcessor`
webhooks     signed events, behind the port `EventReader`

Importing this package imports the SDK, which costs memory and time, so `main` does it only when Stripe is switched on.
"""

from boreal.providers.payments.stripe.api import API_VERSION, StripeApi
from boreal.providers.payments.stripe.processor import StripeProcessor
from boreal.providers.payments.stripe.webhooks import StripeEvents

__all__ = ["API_VERSION", "StripeApi", "StripeEvents", "StripeProcessor"]
