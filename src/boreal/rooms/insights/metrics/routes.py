"""`/v1/metrics` (usage spec 7)."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import AfterValidator

from boreal.core.calendar import TimeInterval
from boreal.core.periods import LIMITS, MIN_DATE
from boreal.core.products import ProductBillingType
from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import Day
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.insights.metrics import reports
from boreal.rooms.insights.metrics.schemas import MetricsLimits, MetricsResponse
from boreal.rooms.insights.metrics.scope import Scope

routes = Routes("/v1/metrics", tags=("metrics",))

READ = ("metrics:read",)

T = TypeVar("T")
ZoneName = Annotated[str, Query(min_length=1), AfterValidator(reports.known_zone)]


def _several(given: T | list[T] | None) -> Sequence[T] | None:
    return given if given is None or isinstance(given, list) else [given]


@routes.get("/", audience=MERCHANT, scopes=READ, returns=MetricsResponse, mcp=True)
async def get(
    app: App,
    actor: Actor,
    start_date: Day,
    end_date: Day,
    interval: TimeInterval,
    timezone: ZoneName = "UTC",
    organization_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
    product_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
    billing_type: Annotated[ProductBillingType | list[ProductBillingType] | None, Query()] = None,
    customer_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
    metrics: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    """Gets metrics over a range of days, period by period and in total."""
    periods, wanted = reports.plan(
        start_date=start_date, end_date=end_date, interval=interval, timezone=timezone, slugs=metrics
    )
    scope = Scope(
        actor=actor,
        organization_ids=_several(organization_id),
        product_ids=_several(product_id),
        billing_types=_several(billing_type),
        customer_ids=_several(customer_id),
    )
    (organization_id, *others) = actor.organization_ids
    now = app.clock.now() if others else await app.times.now(organization_id)
    real_now = app.clock.now()
    return await reports.report(app.database, scope, periods, wanted, now=now, real_now=real_now)


@routes.get("/limits", audience=MERCHANT, scopes=READ, returns=MetricsLimits, mcp=True)
async def limits(app: App, actor: Actor) -> dict[str, Any]:
    """Gets how many days a report may span, by its interval."""
    return {
        "min_date": MIN_DATE,
        "intervals": {
            interval.value: {"min_days": limit.min_days, "max_days": limit.max_days}
            for interval, limit in LIMITS.items()
        },
    }
