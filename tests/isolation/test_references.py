"""What a body names of somebody else's: by id it is refused, by text it means something of the caller's own.

Either way nothing of the owner's changes, is told, or is ever held by a row of the one who named it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.isolation.operations import OPERATIONS, Operation
from tests.isolation.scene import (
    BODIES,
    FAULT_AT,
    KEPT,
    NAMED_BY_ID,
    NAMED_BY_TEXT,
    NOT_BUILT,
    REFUSES_AS_A_WHOLE,
    SENT,
    Scene,
    path_of,
)
from tests.support.tokens import bearer

NAMING = [operation for operation in OPERATIONS if not operation.is_for_everybody]
BY_ID = [(operation, place) for operation in NAMING for place in operation.references if place not in KEPT]
BY_TEXT = [(operation, name) for operation in NAMING for name in operation.words if name in NAMED_BY_TEXT]


BUSINESS = ("PolarRequestValidationError", "BenefitPropertiesValidationError")


def name_of(part: Operation | str) -> str:
    return part if isinstance(part, str) else part.name


def header_of(operation: Operation, scene: Scene) -> bytes | None:
    if operation.is_public:
        return None
    return bearer(scene.rivals["session"] if operation.is_of_customers else scene.rival.token)


def bodies(operation: Operation, scene: Scene, place: str) -> Iterator[dict[str, Any]]:
    """What names an id of the owner's, within the rival's own good request and without anything else."""
    id = scene.owned["product_id" if place in NOT_BUILT else NAMED_BY_ID[place]]
    good = BODIES[operation.name](scene.rivals)
    good.pop("confirmation_token_id", None)  # else a confirmation that ignores the id would use up the session
    name, _, rest = place.partition(".")
    parts = [SENT[place](scene.rivals, id)] if place in SENT else []
    if rest in ("", "[]"):
        parts.append({name: [id] if rest else id})
    for part in parts:
        yield {**good, **part}
        yield part


@pytest.mark.parametrize(("operation", "place"), BY_ID, ids=name_of)
async def test_an_id_of_somebody_elses_is_refused(scene: Scene, operation: Operation, place: str) -> None:
    faults = []
    for body in bodies(operation, scene, place):
        path = path_of(operation, scene.rivals)
        reply = await scene.call(operation, header_of(operation, scene), path=path, body=body)
        if operation.name in REFUSES_AS_A_WHOLE:
            assert reply.status_code in (400, 404, 422), reply.text
            continue
        assert reply.is_success or reply.status_code == 422, reply.text
        if reply.status_code == 422 and reply.json()["error"] in BUSINESS:
            faults += reply.json()["detail"]
    member = FAULT_AT.get((operation.name, place), place.partition(".")[0])
    assert operation.name in REFUSES_AS_A_WHOLE or [fault for fault in faults if member in fault["loc"]], faults
    assert await scene.rows() == scene.untouched


@pytest.mark.parametrize(("operation", "name"), BY_TEXT, ids=name_of)
async def test_a_text_means_what_is_the_callers(scene: Scene, operation: Operation, name: str) -> None:
    text = scene.owned[NAMED_BY_TEXT[name]]
    body = {**BODIES[operation.name](scene.rivals), name: text}
    path = path_of(operation, scene.rivals)
    for sent in (body, {name: text}):
        reply = await scene.call(operation, header_of(operation, scene), path=path, body=sent)
        whole = (400, 404) if operation.name in REFUSES_AS_A_WHOLE else ()
        assert reply.is_success or reply.status_code in (403, 422, *whole), reply.text
    assert await scene.rows() == scene.untouched
