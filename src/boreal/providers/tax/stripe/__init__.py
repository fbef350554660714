"""Stripe Tax as the source of taxes, behind the ports `TaxQuotes` and `TaxRecords`.

Importing this package imports Stripe's SDK, so `main` does it only when Stripe Tax is switched on.
"""

from boreal.providers.stripe_api import StripeApi
from boreal.providers.tax.stripe.taxes import StripeTaxes

__all__ = ["StripeApi", "StripeTaxes"]
