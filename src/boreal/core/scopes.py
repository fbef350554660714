"""What a credential may do (platform spec 4.1).

A read scope and a write scope per resource; two more belong to first-party sessions alone
and cannot be given to a token.
"""

from enum import StrEnum


class Scope(StrEnum):
    """All 68 scopes; the retired ones (repositories, issues, external organizations) stay accepted."""

    OPENID = "openid"
    PROFILE = "profile"
    EMAIL = "email"
    USER_READ = "user:read"
    USER_WRITE = "user:write"
    WEB_READ = "web:read"
    WEB_WRITE = "web:write"
    ORGANIZATIONS_READ = "organizations:read"
    ORGANIZATIONS_WRITE = "organizations:write"
    CUSTOM_FIELDS_READ = "custom_fields:read"
    CUSTOM_FIELDS_WRITE = "custom_fields:write"
    DISCOUNTS_READ = "discounts:read"
    DISCOUNTS_WRITE = "discounts:write"
    CHECKOUT_LINKS_READ = "checkout_links:read"
    CHECKOUT_LINKS_WRITE = "checkout_links:write"
    CHECKOUTS_READ = "checkouts:read"
    CHECKOUTS_WRITE = "checkouts:write"
    TRANSACTIONS_READ = "transactions:read"
    TRANSACTIONS_WRITE = "transactions:write"
    PAYOUTS_READ = "payouts:read"
    PAYOUTS_WRITE = "payouts:write"
    PRODUCTS_READ = "products:read"
    PRODUCTS_WRITE = "products:write"
    BENEFITS_READ = "benefits:read"
    BENEFITS_WRITE = "benefits:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    METERS_READ = "meters:read"
    METERS_WRITE = "meters:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    SUBSCRIPTIONS_READ = "subscriptions:read"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    WALLETS_READ = "wallets:read"
    WALLETS_WRITE = "wallets:write"
    DISPUTES_READ = "disputes:read"
    CUSTOMER_METERS_READ = "customer_meters:read"
    CUSTOMER_SESSIONS_WRITE = "customer_sessions:write"
    MEMBER_SESSIONS_WRITE = "member_sessions:write"
    CUSTOMER_SEATS_READ = "customer_seats:read"
    CUSTOMER_SEATS_WRITE = "customer_seats:write"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    REFUNDS_READ = "refunds:read"
    REFUNDS_WRITE = "refunds:write"
    PAYMENTS_READ = "payments:read"
    METRICS_READ = "metrics:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    EXTERNAL_ORGANIZATIONS_READ = "external_organizations:read"
    LICENSE_KEYS_READ = "license_keys:read"
    LICENSE_KEYS_WRITE = "license_keys:write"
    REPOSITORIES_READ = "repositories:read"
    REPOSITORIES_WRITE = "repositories:write"
    ISSUES_READ = "issues:read"
    ISSUES_WRITE = "issues:write"
    CUSTOMER_PORTAL_READ = "customer_portal:read"
    CUSTOMER_PORTAL_WRITE = "customer_portal:write"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_WRITE = "notifications:write"
    NOTIFICATION_RECIPIENTS_READ = "notification_recipients:read"
    NOTIFICATION_RECIPIENTS_WRITE = "notification_recipients:write"
    ORGANIZATION_ACCESS_TOKENS_READ = "organization_access_tokens:read"
    ORGANIZATION_ACCESS_TOKENS_WRITE = "organization_access_tokens:write"


RESERVED_SCOPES = frozenset({Scope.WEB_READ, Scope.WEB_WRITE})
"""Held by first-party sessions only: never assignable, never advertised."""


class AvailableScope(StrEnum):
    """The 66 scopes that a token can be given."""

    _ignore_ = "scope"
    for scope in Scope:
        if scope not in RESERVED_SCOPES:
            vars()[scope.name] = scope.value
