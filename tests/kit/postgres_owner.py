"""A process that holds an embedded PostgreSQL: `python -m tests.kit.postgres_owner DIRECTORY [OPTION...]`.

Prints the process ids of the server and of its watchdog as JSON when it is ready, or the message of the failure, and
then waits to be killed. Options: `--user NAME` becomes that user first, `--site FOLDER` takes the programs from there,
`--watchdog` does without the kernel's parent-death signal.
"""

import argparse
import asyncio
import json
import os
import pwd
import sys
from pathlib import Path

from boreal.kit.postgres import EmbeddedPostgres, PostgresFailed, binaries, children


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def _own(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={"shared_buffers": "16MB"})
    try:
        await server.start()
    except PostgresFailed as failure:
        _say(failure=str(failure))
        return
    watchdog = server._server._watchdog
    _say(server=server.pid, watchdog=watchdog and watchdog._process.pid)
    await asyncio.sleep(600)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--user")
    parser.add_argument("--site", type=Path)
    parser.add_argument("--watchdog", action="store_true")
    options = parser.parse_args()
    if options.site:
        binaries._site = lambda: options.site
    if options.watchdog:
        children.HAS_PARENT_DEATH_SIGNAL = False
    if options.user:
        user = pwd.getpwnam(options.user)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    asyncio.run(_own(options.data_dir))


if __name__ == "__main__":
    main()
