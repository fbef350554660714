"""Customers, their state, their sessions and their portal through the official client."""

import pytest
from polar_sdk import Polar, models

from tests.sdk.selling import make_product, pages, sell
from tests.support.live import Merchant

UNKNOWN = "5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11"


def test_a_customer_by_id(merchant: Merchant, polar: Polar) -> None:
    ada = polar.customers.create(
        request={
            "email": "ada@example.com",
            "name": "Ada",
            "billing_address": {"country": models.CountryAlpha2Input.FR, "city": "Paris"},
            "tax_id": ["FR61954506077", "eu_vat"],
            "metadata": {"tier": "gold"},
        }
    )
    assert (ada.email, ada.name, ada.external_id, ada.deleted_at) == ("ada@example.com", "Ada", None, None)
    assert ada.billing_address is not None
    assert (ada.billing_address.country, ada.billing_address.city) == (models.CountryAlpha2.FR, "Paris")
    assert ada.tax_id == ["FR61954506077", models.TaxIDFormat.EU_VAT]
    assert ada.organization_id == str(merchant.organization_id)
    assert ada.avatar_url.startswith("https://")
    assert polar.customers.get(id=ada.id) == ada
    changed = polar.customers.update(id=ada.id, customer_update={"name": "Countess", "external_id": "c-1"})
    assert (changed.name, changed.external_id, changed.metadata) == ("Countess", "c-1", {"tier": "gold"})
    assert polar.customers.delete(id=ada.id, anonymize=True) is None
    with pytest.raises(models.ResourceNotFound):
        polar.customers.get(id=ada.id)


def test_a_customer_by_external_id(polar: Polar) -> None:
    made = polar.customers.create(request={"email": "bob@example.com", "external_id": "user 42 ö"})
    assert polar.customers.get_external(external_id="user 42 ö") == made
    changes = {"name": "Bob", "metadata": {"seen": 1}}
    changed = polar.customers.update_external(external_id="user 42 ö", customer_update_external_id=changes)
    assert (changed.id, changed.name, changed.metadata) == (made.id, "Bob", {"seen": 1})
    state = polar.customers.get_state_external(external_id="user 42 ö")
    assert (state.id, state.active_subscriptions, state.granted_benefits) == (made.id, [], [])
    assert polar.customers.delete_external(external_id="user 42 ö") is None
    with pytest.raises(models.ResourceNotFound):
        polar.customers.get_external(external_id="user 42 ö")


def test_customers_are_listed(polar: Polar) -> None:
    made = [
        polar.customers.create(request={"email": f"{name}@example.com", "name": name, "metadata": {"n": len(name)}})
        for name in ("ada", "grace", "edsger")
    ]
    by_name = [models.CustomerSortProperty.NAME]
    assert [customer.name for customer in pages(polar.customers.list(limit=2, sorting=by_name))] == [
        "ada",
        "edsger",
        "grace",
    ]
    assert pages(polar.customers.list(email="GRACE@example.com")) == [made[1]]
    assert pages(polar.customers.list(query="eds")) == [made[2]]
    assert pages(polar.customers.list(metadata={"n": 3})) == [made[0]]
    assert pages(polar.customers.list(organization_id=made[0].organization_id, limit=2)) == list(reversed(made))


def test_the_state_shows_what_a_customer_has(polar: Polar) -> None:
    order = sell(polar, make_product(polar, "Cloud", recurring_interval="month"))
    state = polar.customers.get_state(id=order.customer_id)
    assert (state.email, state.granted_benefits, state.active_meters) == ("ada@example.com", [], [])
    (subscription,) = state.active_subscriptions
    assert (subscription.id, subscription.product_id) == (order.subscription_id, order.product_id)
    assert (subscription.amount, subscription.currency, subscription.status) == (1000, "usd", "active")
    with pytest.raises(models.ResourceNotFound):
        polar.customers.get_state(id=UNKNOWN)


def test_a_customer_session_opens_the_portal(polar: Polar) -> None:
    product = make_product(polar)
    orders = [sell(polar, product), sell(polar, make_product(polar, "Cloud", recurring_interval="month"))]
    foreign = sell(polar, product, customer_email="bob@example.com")
    session = polar.customer_sessions.create(request={"customer_id": orders[0].customer_id})
    assert session.token.startswith("polar_cst_")
    assert (session.customer_id, session.customer.email) == (orders[0].customer_id, "ada@example.com")
    assert session.expires_at > session.created_at
    assert session.token in session.customer_portal_url
    security: models.CustomerPortalOrdersListSecurityTypedDict = {"customer_session": session.token}
    portal = polar.customer_portal.orders
    mine = pages(portal.list(security=security, limit=1, sorting=[models.CustomerOrderSortProperty.CREATED_AT]))
    assert [order.id for order in mine] == [order.id for order in orders]
    assert [order.product.name for order in mine] == ["Pro", "Cloud"]
    assert [order.product.organization.id for order in mine] == [product.organization_id] * 2
    recurring = models.ProductBillingType.RECURRING
    assert pages(portal.list(security=security, product_billing_type=recurring)) == mine[1:]
    assert pages(portal.list(security=security, product_id=product.id)) == mine[:1]
    assert pages(portal.list(security=security, subscription_id=mine[1].subscription_id)) == mine[1:]
    assert pages(portal.list(security=security, query="clou")) == mine[1:]
    assert portal.get(security={"customer_session": session.token}, id=mine[0].id) == mine[0]
    with pytest.raises(models.ResourceNotFound):
        portal.get(security={"customer_session": session.token}, id=foreign.id)
    with pytest.raises(models.SDKError) as unknown:
        portal.list(security={"customer_session": "polar_cst_nobody"})
    assert unknown.value.status_code == 401


def test_a_session_can_be_asked_for_by_external_id(polar: Polar) -> None:
    polar.customers.create(request={"email": "ada@example.com", "external_id": "u-1"})
    session = polar.customer_sessions.create(
        request={"external_customer_id": "u-1", "return_url": "https://example.com/back"}
    )
    assert (session.customer.external_id, session.return_url) == ("u-1", "https://example.com/back")
    with pytest.raises(models.HTTPValidationError) as unknown:
        polar.customer_sessions.create(request={"customer_id": UNKNOWN})
    assert [fault.loc for fault in unknown.value.data.detail or []] == [["body", "customer_id"]]


def test_what_is_wrong_is_said_by_typed_errors(polar: Polar) -> None:
    polar.customers.create(request={"email": "ada@example.com"})
    with pytest.raises(models.HTTPValidationError) as twice:
        polar.customers.create(request={"email": "Ada@example.com"})
    assert [fault.loc for fault in twice.value.data.detail or []] == [["body", "email"]]
    for call in (
        lambda: polar.customers.update(id=UNKNOWN, customer_update={"name": "x"}),
        lambda: polar.customers.delete(id=UNKNOWN),
        lambda: polar.customers.update_external(external_id="none", customer_update_external_id={"name": "x"}),
        lambda: polar.customers.delete_external(external_id="none"),
        lambda: polar.customers.get_state_external(external_id="none"),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
