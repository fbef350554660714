"""`boreal clock`: the test clock of an organization, from the command line."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import Problem
from boreal.rooms.platform.public import (
    advance_test_clock,
    create_test_clock,
    delete_test_clock,
    test_clock_of,
)
from boreal.surfaces.cli.root import Process, Root
from boreal.surfaces.cli.running import CommandFailed, DataDir, named_organization, once, run, settings_for

STALLED_S = 20.0
"""How long a clock may stand still on its way before it seems that nobody moves it."""

Organization = Annotated[str, typer.Argument(help="The organization's slug or id.")]
Time = Annotated[datetime, typer.Argument(help="Such as 2027-02-28 or 2027-02-28T09:30:00, in UTC.")]


def add_clocks(cli: typer.Typer, root: Root) -> None:
    """Adds the commands to the command line of a composition root."""
    clock = typer.Typer(help="Test clocks: an organization of a sandbox in a time of its own.", no_args_is_help=True)
    cli.add_typer(clock, name="clock")

    @clock.command("create")
    def create(organization: Organization, time: Time, data_dir: DataDir = None) -> None:
        """Gives an organization a clock; from then on its time stands still until the clock is moved."""

        async def make(process: Process) -> None:
            owner = await named_organization(process, organization)
            moment = time.replace(tzinfo=UTC)
            made = await _told(create_test_clock(process.app, organization_id=owner["id"], name="", time=moment))
            typer.echo(_words(made))

        run(once(root, settings_for(data_dir=data_dir), make))

    @clock.command("show")
    def show(organization: Organization, data_dir: DataDir = None) -> None:
        """Prints the time of an organization's clock."""

        async def tell(process: Process) -> None:
            typer.echo(_words(await _clock(process, await named_organization(process, organization))))

        run(once(root, settings_for(data_dir=data_dir), tell))

    @clock.command("advance")
    def advance(organization: Organization, time: Time, data_dir: DataDir = None) -> None:
        """Moves a clock, and waits until everything that falls due on the way has happened. Needs a running worker."""

        async def go(process: Process) -> None:
            owner = await named_organization(process, organization)
            clock = await _clock(process, owner)
            moment = time.replace(tzinfo=UTC)
            await _told(advance_test_clock(process.app, _actor(owner), id=clock["id"], time=moment))
            typer.echo(_words(await _arrived(process, owner)))

        run(once(root, settings_for(data_dir=data_dir), go))

    @clock.command("remove")
    def remove(organization: Organization, data_dir: DataDir = None) -> None:
        """Removes a clock: the organization lives in real time again."""

        async def end(process: Process) -> None:
            owner = await named_organization(process, organization)
            clock = await _clock(process, owner)
            await _told(delete_test_clock(process.app, _actor(owner), id=clock["id"]))
            typer.echo("Removed.")

        run(once(root, settings_for(data_dir=data_dir), end))


def _actor(organization: Any) -> Actor:
    return Actor(Subject.organization, organization_ids=(organization["id"],))


async def _clock(process: Process, organization: Any) -> dict[str, Any]:
    clock = await test_clock_of(process.app.database, organization["id"])
    if clock is None:
        raise CommandFailed(f"{organization['slug']} has no test clock")
    return clock


async def _arrived(process: Process, organization: Any) -> dict[str, Any]:
    clock, since = await _clock(process, organization), process.app.clock.monotonic_s()
    while clock["target_time"] is not None:
        await asyncio.sleep(0.2)
        later = await _clock(process, organization)
        if later["time"] != clock["time"]:
            since = process.app.clock.monotonic_s()
        elif process.app.clock.monotonic_s() - since > STALLED_S:
            raise CommandFailed(f"the clock stands at {clock['time']:%Y-%m-%d %H:%M:%S}; is a worker running?")
        clock = later
    return clock


async def _told(command: Any) -> Any:
    """What a command returns; its refusal in one line."""
    try:
        return await command
    except Problem as refused:
        raise CommandFailed(str(refused)) from None


def _words(clock: dict[str, Any]) -> str:
    target = clock["target_time"]
    return f"{clock['time']:%Y-%m-%d %H:%M:%S} UTC" + (f", on its way to {target:%Y-%m-%d %H:%M:%S}" if target else "")
