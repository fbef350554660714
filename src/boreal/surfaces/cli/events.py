"""`boreal events`: raw events of an organization, from the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from boreal.kit.db import Record
from boreal.rooms.usage.public import stream_events
from boreal.surfaces.cli.root import Process, Root
from boreal.surfaces.cli.running import DataDir, named_organization, once, run, settings_for


class JsonLines:
    """An archive in a file: one event per line, as JSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    async def append(self, events: Sequence[Record]) -> None:
        """Writes them behind what is there."""
        self._file.writelines(
            orjson.dumps(dict(event), default=str, option=orjson.OPT_APPEND_NEWLINE) for event in events
        )
        self.count += len(events)


def add_events(cli: typer.Typer, root: Root) -> None:
    """Adds the commands to the command line of a composition root."""
    events = typer.Typer(help="Raw events of an organization.", no_args_is_help=True)
    cli.add_typer(events, name="events")

    @events.callback()
    def only() -> None:
        """Keeps the name of the one command there is."""

    @events.command("export")
    def export(
        organization: Annotated[str, typer.Argument(help="The organization's slug or id.")],
        file: Annotated[Path, typer.Argument(help="What is there already is kept; events are written behind it.")],
        after: Annotated[int, typer.Option(help="Where the last export ended, as it said.")] = -1,
        data_dir: DataDir = None,
    ) -> None:
        """Writes events to a file, one JSON object per line, in the order in which they were counted."""

        async def write(process: Process) -> None:
            owner = await named_organization(process, organization)
            with file.open("ab") as opened:
                archive = JsonLines(opened)
                place = await stream_events(process.app, archive, organization_id=owner["id"], after=after)
            typer.echo(f"{archive.count} events. Next time: --after {place}")

        run(once(root, settings_for(data_dir=data_dir), write))
