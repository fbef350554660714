"""Boreal as a crash test wants it: a bad network to its processor, short waits, and quick to start.

`python -m tests.support.faulty` loads Boreal once and forks for every start. Each line on its stdin is one, as JSON:
`{"arguments": ["serve", "--port", "0"], "environment": {…}, "log": "/path"}`. It is answered by the id of a process
that is the command line of Boreal from there on, and that dies with this one. `TEST_FAULTS` in its environment holds
fields of `Faults`, as JSON.

Only waits are changed: what would take a minute takes a second or two. Nothing else differs from `python -m boreal`.
"""

import ctypes
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from boreal.core import webhooks
from boreal.kit import idempotency, work, worker
from boreal.kit.settings import Settings
from boreal.main import Boreal, Root
from boreal.providers.ports import PaymentProcessor
from boreal.rooms.billing.changes import renewal
from boreal.rooms.billing.orders import collection
from boreal.rooms.checkout.checkouts import confirmation, fulfilment
from boreal.rooms.platform.webhooks import attempts
from boreal.rooms.platform.webhooks import work as webhook_work
from boreal.surfaces.cli.app import commands

LEASE_S = 3.0
"""How long one row of work may take; a worker that died is succeeded two seconds after that."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Faulty(Root):
    """The composition root, with faults between Boreal and its processor."""

    @asynccontextmanager
    async def open(self, settings: Settings, *, share: bool = False) -> AsyncIterator[Boreal]:
        """As it is, but for the faults and the leases."""
        async with super().open(settings, share=share) as boreal:
            faults = boreal.app.get(PaymentProcessor).faults  # type: ignore[attr-defined]  # it is the sandbox
            for name, value in json.loads(os.environ["TEST_FAULTS"]).items():
                setattr(faults, name, value)
            kinds = boreal.app.kinds
            kinds.update({name: replace(kind, lease_s=LEASE_S) for name, kind in kinds.items()})  # type: ignore[attr-defined]
            yield boreal


def hurry() -> None:
    """Safety nets, polls, retries and leases come within seconds."""
    _set(
        confirmation,
        SAFETY_NET=timedelta(seconds=2),  # which a slow call may outlast: then both settle the attempt
        SOON=timedelta(seconds=0.5),
        POLL=timedelta(seconds=1),
    )
    _set(fulfilment, POLL=timedelta(seconds=1))
    _set(collection, SAFETY_NET=timedelta(seconds=2), POLL=timedelta(seconds=1))
    _set(renewal, POLL=timedelta(seconds=1))
    _set(worker, MARGIN_S=2.0)
    _set(work, LONGEST_PAUSE_S=4)
    _set(idempotency, LEASE=timedelta(seconds=2))
    _set(attempts, TIMEOUT_S=0.7)
    _set(webhook_work, BUDGET_S=1.5)
    patient = webhooks.retry_delay_s

    def impatient(attempt: int, *, draw: float) -> float | None:
        pause_s = patient(attempt, draw=draw)
        return pause_s and pause_s / 8

    _set(webhooks, retry_delay_s=impatient)


def _set(module: ModuleType, **values: Any) -> None:
    for name, value in values.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} any more"
        setattr(module, name, value)


def _start(order: dict[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _become(order, parent)
        commands(Faulty())(order["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # whatever it is, it goes into the log and not back into the loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _become(order: dict[str, Any], parent: int) -> None:
    """A process of its own, except that it does not outlive its parent."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, replaced in enumerate((nothing, log, log)):
        os.dup2(replaced, number)
    os.environ.clear()
    os.environ.update(order["environment"])
    random.seed()


def main() -> None:
    """Forks until nobody asks any more."""
    hurry()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead leave no zombies
    for line in sys.stdin:
        pid = _start(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
