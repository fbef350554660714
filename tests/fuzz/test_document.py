"""Schemathesis against the served document: every operation with values good and bad, over real HTTP.

Each reply is held against it: never a 500, a status that the document names, a body of the documented shape and content
type, no acceptance of what the document forbids, no service without a credential, 405 for other methods.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase

from boreal.surfaces.process import open_socket, serving
from tests.fuzz.effort import FULL
from tests.isolation.furnishing import furnish
from tests.isolation.scene import PATHS, Known
from tests.support.shop import Shop, open_shop

SHARE = 1 if FULL else 8
"""One in so many of the cases that the bounds in the document suggest is tried."""
EXAMPLES = 100 if FULL else 4
"""How many random ones are tried of each operation."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OF_THIS_RUN = re.compile(rf"{_UUID.pattern}|polar_\w+")

STATUSES = ["2xx", "3xx", 401, 403, 404, 409, 410, 422]
"""What may come of a request that the document allows: what it names may not exist, and rules of business apply.

Also 400, where the document says so.
"""


def config(base_url: str, document: dict[str, Any], token: str, known: Known) -> SchemathesisConfig:
    """Everything that schemathesis can do, always the same way, with the ids that exist."""
    ids = {name: {"values": [value]} for name, value in known.items()}
    return SchemathesisConfig.from_dict(
        {
            "seed": 20260115,
            "base-url": base_url,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {token}"},
            "checks": {"positive_data_acceptance": {"expected-statuses": STATUSES}},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none", "no-shrink": not FULL},
            "phases": {
                "coverage": {"extra-data-sources": {"responses": False}},
                "fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}},
                "stateful": {"enabled": FULL},
            },
            "dictionaries": ids,
            "operations": [
                {
                    "include-path": path,
                    **_refusals(document, path),
                    "parameters": {f"path.{name}": {"dictionary": PATHS[prefix], "probability": 0.6}},
                    **(
                        {"headers": {"Authorization": f"Bearer {known['session']}"}}
                        if "customer-portal" in path
                        else {}
                    ),
                }
                for path in document["paths"]
                for prefix in PATHS
                if path.startswith(prefix)
                for name in [prefix[prefix.index("{") + 1 : -1]]
            ]
            + [
                {"include-path": path, **refusals}
                for path in document["paths"]
                if not path.startswith(tuple(PATHS)) and (refusals := _refusals(document, path))
            ],
        }
    )


def _refusals(document: dict[str, Any], path: str) -> dict[str, Any]:
    if not any("400" in operation["responses"] for operation in document["paths"][path].values()):
        return {}
    return {"checks": {"positive_data_acceptance": {"expected-statuses": [400, *STATUSES]}}}


@dataclass
class Findings:
    """What does not conform, and how many requests it took to find that."""

    requests: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, event: Any) -> None:
        """Takes down what an event of the engine tells."""
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.faults.append(str(event.info if isinstance(event, events.NonFatalError) else event.exception))
        if not isinstance(event, events.ScenarioFinished):
            return
        self.requests += len(event.recorder.cases)
        for checks in event.recorder.checks.values():
            for check in checks:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    told = f"{event.label}: {failure.title}: {failure.message}\n{check.failure_info.code_sample}"
                    self.faults.append(told)


def try_everything(document: dict[str, Any], settings: SchemathesisConfig, known: Known, keep: str) -> Findings:
    """Sends it all. Blocks its thread for as long as that takes. The token with the id `keep` is not touched."""
    schema = schemathesis.openapi.from_dict(document, config=settings)
    names = {value: name for name, value in known.items()}

    @schema.hook
    def filter_case(context: Any, case: Any) -> bool:
        if keep in case.path_parameters.values():
            return False
        if case.meta is None or case.meta.phase.name is not TestPhase.COVERAGE:
            return True
        said = f"{case.method}{case.path}{case.path_parameters}{case.query}{case.headers}{case.body}"
        same = _OF_THIS_RUN.sub(lambda found: names.get(found[0], ""), said)  # ids differ from run to run
        return zlib.crc32(same.encode(errors="replace")) % SHARE == 0

    findings = Findings()
    for event in from_schema(schema).execute():
        findings.note(event)
    return findings


@asynccontextmanager
async def open_served(dsn: str) -> AsyncIterator[tuple[Shop, str]]:
    """A shop whose Boreal answers on a port of this machine."""
    listener = open_socket("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with open_shop(dsn, base_url=address) as shop, serving(shop.boreal.served, listener):
        yield shop, address


@pytest.mark.timeout(7200 if FULL else 600)
async def test_every_operation_keeps_to_its_document(dsn: str) -> None:
    async with open_served(dsn) as (shop, address):
        known = await furnish(shop, "canary")
        schemathesis.openapi.format("uuid4", st.sampled_from(ids_of(known)) | st.uuids(version=4).map(str))
        schemathesis.openapi.format("ipvanyaddress", st.ip_addresses().map(str))
        (mine,) = (await shop.client.get("/v1/organization-access-tokens/")).json()["items"][:1]
        document = (await shop.client.get("/openapi.json")).json()
        settings = config(address, document, shop.token, known)
        findings = await asyncio.to_thread(try_everything, document, settings, known, mine["id"])
        assert not findings.faults, "\n\n".join(sorted(set(findings.faults)))
        assert findings.requests > 20 * len(document["paths"])
        assert (await shop.client.get("/v1/products/")).status_code == 200, "the run has lost its own token"


def ids_of(known: Known) -> list[str]:
    """The ids among what a shop has, always in the same order."""
    return [value for name, value in sorted(known.items()) if _UUID.fullmatch(value)]
