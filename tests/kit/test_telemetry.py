"""Logs: where they go, what a line carries, and what no line ever carries."""

import asyncio
import json
import subprocess
import sys

import pytest

from boreal.kit.telemetry import begin_trace, current_trace

PROGRAM = """
import logging, structlog
from boreal.kit.telemetry import begin_trace, configure_logs
configure_logs(level={level!r}, json={json})
log = structlog.get_logger("boreal.test")
begin_trace("00ff00ff00ff00ff")
log.debug("quiet")
log.info("told", number=1)
log.info("told", trace="another")
def fail(error):
    secret = "hush" * 3
    try:
        raise error
    except Exception as caught:
        log.error("failed", exc_info=caught)
fail(ValueError("broken"))
fail(ConnectionRefusedError("nobody there"))
logging.getLogger("library").info("chatter")
logging.getLogger("library").warning("careful %d", 7)
print("output")
"""


def run(level: str, *, as_json: bool) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(level=level, json=as_json)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def test_lines_for_machines() -> None:
    done = run("info", as_json=True)
    assert done.stdout == "output\n"
    told, another, failed, away, library = [json.loads(line) for line in done.stderr.splitlines()]
    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": "told", "number": 1, "level": "info", "trace": "00ff00ff00ff00ff"}
    assert another["trace"] == "another"
    assert failed["exception"].endswith("ValueError: broken") and "error" not in failed
    assert away["error"] == "ConnectionRefusedError: nobody there" and "exception" not in away
    assert (library["event"], library["level"], library["logger"]) == ("careful 7", "warning", "library")


@pytest.mark.parametrize("as_json", [True, False])
def test_local_variables_are_never_told(as_json: bool) -> None:
    done = run("debug", as_json=as_json)
    assert "ValueError: broken" in done.stderr and "quiet" in done.stderr
    assert "hush" not in done.stderr.replace('secret = "hush" * 3', "")
    assert "chatter" not in done.stderr


def test_a_level_silences_what_is_below() -> None:
    done = run("error", as_json=False)
    assert [line.split()[1:3] for line in done.stderr.splitlines() if line.startswith("20")] == [["[error", "]"]] * 2


async def test_a_trace_belongs_to_its_task() -> None:
    """What runs beside a request, or was begun by it, does not change the request's own trace."""
    own = begin_trace()
    seen: list[str | None] = []

    async def other(trace: str | None) -> None:
        seen.append(current_trace())
        seen.append(begin_trace(trace))
        await asyncio.sleep(0)
        assert current_trace() == seen[-1]

    await asyncio.create_task(other("of a row of work"))
    await asyncio.create_task(other(None))
    assert current_trace() == own
    assert seen[:3] == [own, "of a row of work", own]
    assert len({own, *seen}) == 3
