"""Which parameters each operation of Stripe takes, from the types that Stripe generates from its own specification."""

from collections.abc import Mapping
from typing import Any

import stripe.params as of
from stripe.params.radar import EarlyFraudWarningRetrieveParams
from stripe.params.tax import (
    CalculationCreateParams,
    TransactionCreateFromCalculationParams,
    TransactionCreateReversalParams,
)

from tests.support.stripe_server.wire import invalid

_OPTIONS = {
    *("api_key", "content_type", "headers", "idempotency_key", "max_network_retries", "stripe_account"),
    *("stripe_context", "stripe_version"),
}

_NESTED = {
    "automatic_payment_methods": {"enabled", "allow_redirects"},
    "address": {"city", "country", "line1", "line2", "postal_code", "state"},
    "customer_details": {"address", "address_source", "ip_address", "tax_ids", "taxability_override"},
    "ship_from_details": {"address"},
}

TAKEN: Mapping[str, type] = {
    "POST /v1/customers": of.CustomerCreateParams,
    "POST /v1/customers/{id}": of.CustomerUpdateParams,
    "GET /v1/customers/{id}/payment_methods": of.CustomerPaymentMethodListParams,
    "POST /v1/customer_sessions": of.CustomerSessionCreateParams,
    "POST /v1/payment_methods/{id}/detach": of.PaymentMethodDetachParams,
    "POST /v1/payment_intents": of.PaymentIntentCreateParams,
    "GET /v1/payment_intents": of.PaymentIntentListParams,
    "GET /v1/payment_intents/{id}": of.PaymentIntentRetrieveParams,
    "POST /v1/payment_intents/{id}/cancel": of.PaymentIntentCancelParams,
    "POST /v1/setup_intents": of.SetupIntentCreateParams,
    "GET /v1/setup_intents": of.SetupIntentListParams,
    "GET /v1/setup_intents/{id}": of.SetupIntentRetrieveParams,
    "POST /v1/setup_intents/{id}/cancel": of.SetupIntentCancelParams,
    "GET /v1/charges/{id}": of.ChargeRetrieveParams,
    "POST /v1/refunds": of.RefundCreateParams,
    "GET /v1/refunds/{id}": of.RefundRetrieveParams,
    "GET /v1/disputes/{id}": of.DisputeRetrieveParams,
    "GET /v1/radar/early_fraud_warnings/{id}": EarlyFraudWarningRetrieveParams,
    "GET /v1/events": of.EventListParams,
    "POST /v1/tax/calculations": CalculationCreateParams,
    "POST /v1/tax/transactions/create_from_calculation": TransactionCreateFromCalculationParams,
    "POST /v1/tax/transactions/create_reversal": TransactionCreateReversalParams,
}
"""Every operation that the server has, and what it takes."""


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Raises Stripe's error for a parameter that the operation does not know."""
    known = set(TAKEN[operation].__annotations__) - _OPTIONS | {"expand"}
    for name in params:
        if name not in known:
            raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    _check_nested(params)


def _check_nested(params: Mapping[str, Any], prefix: str = "") -> None:
    for name, value in params.items():
        if isinstance(value, dict) and name in _NESTED:
            for inner in value:
                if inner not in _NESTED[name]:
                    place = f"{prefix}{name}[{inner}]"
                    raise invalid(f"Received unknown parameter: {place}", code="parameter_unknown", param=place)
            _check_nested(value, f"{prefix}{name}.")
