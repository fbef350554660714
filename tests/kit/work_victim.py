"""A process to be killed: `python -m tests.kit.work_victim worker|writer DSN`.

`worker` does every due row of kind `mark` with the real clock: it writes a line into `runs`, waits a little, writes
another, until it is killed. `writer` changes lamps for ever and prints the number of changes after each commit.
"""

import asyncio
import os
import sys
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.clock import Clock
from boreal.kit.work import Kind, Work
from boreal.kit.worker import Worker
from tests.support.lamps import Lamp, LampStatus, open_lamps

RUN = sa.text("INSERT INTO runs (work_id, mark, pid) VALUES (:work_id, :mark, :pid)").bindparams(
    sa.bindparam("work_id", type_=sa.BigInteger), sa.bindparam("pid", type_=sa.Integer)
)


async def mark(app: App, work: Work) -> None:
    """Kind of work `mark`: says that it began, takes its time, says that it ended."""
    await app.database.execute(RUN, work_id=work.id, mark="began", pid=os.getpid())
    await asyncio.sleep(work.payload.get("takes_s", 0))
    await app.database.execute(RUN, work_id=work.id, mark="ended", pid=os.getpid())


KINDS = {"mark": Kind(mark)}


async def work_for_ever(dsn: str) -> None:
    """Works with the real clock."""
    async with open_lamps(dsn, kinds=KINDS, clock=Clock(), fresh=False) as lamps:
        await Worker(lamps.app, lamps.dispatcher()).run()


async def write_for_ever(dsn: str) -> None:
    """Switches one lamp on and off; every change is two or three facts and one row of work."""
    async with open_lamps(dsn, kinds=KINDS, fresh=False) as lamps:
        lamp: Any = await lamps.add()
        number = 0
        while True:
            async with lamps.app.transaction(lamps.organization_id) as tx:
                before = await tx.lock(Lamp, lamp.id)
                assert before is not None
                status = LampStatus.ON if before.status is LampStatus.OFF else LampStatus.OFF
                await tx.save(before, replace(before, status=status, brightness=number + 1))
                tx.enqueue("mark")
            number += 1
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    role = {"worker": work_for_ever, "writer": write_for_ever}[sys.argv[1]]
    asyncio.run(role(sys.argv[2]))
