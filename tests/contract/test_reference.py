"""Our OpenAPI document against the reference: what is served is complete, what is not served is on a list.

`deferred.txt` names what is not served yet. It may only shrink: serving an operation means striking it off, and every
operation of the reference that is not served has to be there. `ours.txt` names the operations that we have beyond it.
"""

import re
from functools import cache
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from boreal.main import openapi
from tests.support.reference import IS_HERE, MISSING, faults, names, place, places, reference

pytestmark = pytest.mark.skipif(not IS_HERE, reason=MISSING)

DEFERRED = Path(__file__).with_name("deferred.txt")
OURS = Path(__file__).with_name("ours.txt")

OUR_OWN_SCHEMAS = {
    "CostMetadata",  # split there into -Input and -Output, as seat tiers below; what is told of a cost is the next
    "EventCost",
    "BadRequest",  # the refusals of seats that orders spec 14.3 names and the reference does not document
    "CustomerNotFound",
    "FeatureNotEnabled",
    "InvalidInvitationToken",
    "SeatAlreadyAssigned",
    "SeatNotAvailable",
    "SeatNotPending",
    "CheckoutLocked",  # a second confirmation while the first is under way; the reference does not name the 409
    "IdempotencyKeyInUse",  # the refusals that any operation may answer with; the reference names none of them
    "IdempotencyKeyMismatch",
    "IdempotentReplyLost",
    "InsufficientScope",
    "InvalidToken",
    "InvoiceDoesNotExist",  # orders spec 3.1
    "SeatsAlreadyAssigned",
    "UpdateSubscriptionPlanNotAllowed",
    "UpdateSubscriptionSeatsNotAllowed",
    "AboveMaximumSeats",  # answers to a change of a subscription that the reference gives and does not name (orders 6)
    "BelowMinimumSeats",
    "InactiveSubscription",
    "NotASeatBasedSubscription",
    "PaymentRetryValidationError",  # a method of somebody else in a retry (orders 4.4)
    "ResourceUnavailable",
    "TrialingSubscription",
    "LicenseKeyTimeframe",  # written out in place there, as is the next
    "RefundUnknownPayment",  # the refusals of refunds that orders spec 15.2 names and the reference does not document
    "RefundsBlocked",
    "RepositoryPermission",
    "RevokeSubscriptionBenefitsProhibited",
    "ProductPriceSeatTiers",  # split there into -Input and -Output, which platform spec 1.9 does without
    "ProductPriceSeatTiersCreate",
}


NAMELESS = {
    "DELETE /v1/customer-portal/seats/{seat_id}",
    "DELETE /v1/customer-seats/{seat_id}",
    "GET /v1/customer-portal/seats",
    "GET /v1/customer-portal/seats/subscriptions",
    "GET /v1/customer-seats",
    "GET /v1/customer-seats/claim/{invitation_token}",
    "PATCH /v1/event-types/{id}",
    "POST /v1/customer-portal/seats",
    "POST /v1/customer-portal/seats/{seat_id}/resend",
    "POST /v1/customer-seats",
    "POST /v1/customer-seats/claim",
    "POST /v1/customer-seats/{seat_id}/resend",
}
"""Operations of which the reference gives statuses of refusals and no names: seats say all of theirs in words."""


def deferred() -> list[str]:
    return DEFERRED.read_text().splitlines()


def ours() -> list[str]:
    return OURS.read_text().splitlines()


@cache
def common() -> dict[str, Any]:
    """Our document without the operations that are ours alone, and without the schemas that only those need."""
    document = openapi()
    paths = {
        path: {method: item for method, item in items.items() if f"{method.upper()} {path}" not in ours()}
        for path, items in document["paths"].items()
    }
    webhooks = {event: item for event, item in document["webhooks"].items() if f"webhook {event}" not in ours()}
    needed: set[str] = set()
    found = re.findall(r"#/components/schemas/([^\"]+)", dumps([paths, webhooks], default=str))
    schemas = document["components"]["schemas"]
    while found:
        needed.update(found)
        found = [
            name
            for known in found
            for name in re.findall(r"#/components/schemas/([^\"]+)", dumps(schemas[known], default=str))
            if name not in needed
        ]
    components = {**document["components"], "schemas": {name: schemas[name] for name in schemas if name in needed}}
    return {
        **document,
        "webhooks": webhooks,
        "paths": {path: items for path, items in paths.items() if items},
        "components": components,
    }


def known() -> list[str]:
    """What the reference has, as it writes it."""
    if not IS_HERE:
        return []
    paths = [f"{method.upper()} {path}" for path, item in reference()["paths"].items() for method in item]
    return paths + [f"webhook {event}" for event in reference()["webhooks"]]


def is_served(name: str) -> bool:
    return name in places(openapi()) or place(*name.split(" ", 1)) in places(openapi())


SERVED = [name for name in known() if is_served(name)]


def test_what_is_deferred_is_in_the_reference() -> None:
    assert sorted(set(deferred()) - set(known())) == []


def test_what_is_deferred_is_not_served_or_has_to_be_struck_off() -> None:
    assert [name for name in deferred() if is_served(name)] == []


def test_what_is_not_served_is_deferred() -> None:
    assert [name for name in known() if not is_served(name) and name not in deferred()] == []


def test_the_list_of_deferred_is_sorted_and_names_things_once() -> None:
    assert deferred() == sorted(set(deferred()))


@pytest.mark.parametrize("name", SERVED)
def test_what_is_served_is_complete(name: str) -> None:
    """Parameters, request, response, errors and limits."""
    assert faults(reference(), openapi(), only=name) == []


def test_nothing_is_documented_that_the_reference_does_not_know() -> None:
    """Neither operations nor parameters nor members, so deprecated ones are hidden (platform spec 1.9)."""
    assert [fault for fault in faults(common(), reference()) if fault[2] == "missing"] == []


def test_what_is_ours_is_served_and_in_no_reference() -> None:
    assert ours() == sorted(set(ours()))
    assert [name for name in ours() if not is_served(name)] == []
    assert set(ours()) & set(known()) == set()


@pytest.mark.parametrize("name", [name for name in SERVED if not name.startswith("webhook")])
def test_generators_of_clients_see_what_they_see_in_the_reference(name: str) -> None:
    """Names, groups and scopes; the names of errors too, which become exceptions. (Some operations of the reference
    name the errors of their siblings too, so one in common has to do.)"""
    theirs, ours = (places(document)[place(*name.split(" ", 1))] for document in (reference(), openapi()))
    assert (ours["operationId"], ours["tags"]) == (theirs["operationId"], theirs["tags"])
    assert ours["x-scopes"] == theirs.get("x-scopes", ours["x-scopes"])
    for status, response in theirs["responses"].items():
        named = errors(reference(), response)
        if status.startswith("4") and (named or name not in NAMELESS):
            assert named & errors(openapi(), ours["responses"][status]), status


def test_what_names_no_error_is_known() -> None:
    nameless = {
        name
        for name in SERVED
        for status, response in places(reference())[place(*name.split(" ", 1))].get("responses", {}).items()
        if status.startswith("4") and not errors(reference(), response)
    }
    assert nameless == NAMELESS


def errors(document: dict, response: dict) -> set[str]:
    """The errors that a response names, unions taken apart."""
    found = names(response)
    schemas = document["components"]["schemas"]
    unions = {name for name in found if "anyOf" in schemas[name]}
    return found - unions | {part for name in unions for part in names(schemas[name])}


def test_schemas_have_the_names_of_the_contract() -> None:
    assert set(common()["components"]["schemas"]) - set(reference()["components"]["schemas"]) == OUR_OWN_SCHEMAS
