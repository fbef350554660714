"""Organizations and their access tokens through the official client."""

from datetime import UTC

import pytest
from polar_sdk import Polar, models

from tests.sdk.selling import pages
from tests.support.live import Live, Merchant

UNKNOWN = "5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11"


def test_organizations(live: Live, merchant: Merchant, polar: Polar) -> None:
    (organization,) = pages(polar.organizations.list())
    assert organization.id == str(merchant.organization_id)
    assert pages(polar.organizations.list(slug=organization.slug)) == [organization]
    assert pages(polar.organizations.list(slug="somebody-else")) == []
    assert polar.organizations.get(id=organization.id) == organization
    assert organization.created_at.tzinfo == UTC
    assert organization.status is models.OrganizationStatus.ACTIVE
    with pytest.raises(models.ResourceNotFound) as missing:
        polar.organizations.get(id=UNKNOWN)
    assert (missing.value.status_code, missing.value.data.detail) == (404, "Not found")
    with pytest.raises(models.HTTPValidationError):
        polar.organizations.get(id="not-an-id")


def test_organization_access_tokens(live: Live, polar: Polar) -> None:
    tokens = polar.organization_access_tokens
    made = tokens.create(request={"comment": "bookkeeping", "scopes": [models.AvailableScope.ORDERS_READ]})
    assert made.token.startswith("polar_oat_")
    shown = made.organization_access_token
    assert (shown.comment, shown.scopes, shown.expires_at) == ("bookkeeping", [models.Scope.ORDERS_READ], None)
    listed = pages(tokens.list(sorting=[models.OrganizationAccessTokenSortProperty.MINUS_CREATED_AT], limit=1))
    assert [token.comment for token in listed] == ["bookkeeping", "live"]
    with Polar(access_token=made.token, server_url=live.base_url) as bookkeeper:
        assert pages(bookkeeper.orders.list()) == []
        with pytest.raises(models.SDKError) as forbidden:
            bookkeeper.products.list()
        assert (forbidden.value.status_code, "insufficient_scope" in forbidden.value.body) == (403, True)
        changes = {"comment": "everything", "scopes": [models.AvailableScope.PRODUCTS_READ]}
        changed = tokens.update(id=shown.id, organization_access_token_update=changes)
        assert (changed.comment, changed.scopes) == ("everything", [models.Scope.PRODUCTS_READ])
        assert pages(bookkeeper.products.list()) == []
        assert tokens.delete(id=shown.id) is None
        with pytest.raises(models.SDKError) as unknown:
            bookkeeper.products.list()
        assert (unknown.value.status_code, "invalid_token" in unknown.value.body) == (401, True)
    assert [token.comment for token in pages(tokens.list())] == ["live"]


def test_wrong_tokens_are_said_to_be_wrong(merchant: Merchant, polar: Polar) -> None:
    with pytest.raises(models.HTTPValidationError) as wrong:
        polar.organization_access_tokens.create(
            request={"comment": "x", "scopes": [], "organization_id": str(merchant.organization_id)}
        )
    assert [fault.loc for fault in wrong.value.data.detail or []] == [["body", "scopes"]]
    with pytest.raises(models.HTTPValidationError) as foreign:
        polar.organization_access_tokens.create(
            request={
                "comment": "x",
                "scopes": [models.AvailableScope.ORDERS_READ],
                "organization_id": str(merchant.organization_id),
            }
        )
    (fault,) = foreign.value.data.detail or []
    assert (fault.loc, fault.type) == (["body", "organization_id"], "organization_token")
