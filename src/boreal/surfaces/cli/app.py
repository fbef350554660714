"""The commands of `boreal`."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from boreal.core.scopes import AvailableScope
from boreal.kit import work
from boreal.rooms.platform.public import create_organization, create_token
from boreal.surfaces.cli import demo as demonstration
from boreal.surfaces.cli.backups import add_backups
from boreal.surfaces.cli.clocks import add_clocks
from boreal.surfaces.cli.events import add_events
from boreal.surfaces.cli.root import Process, Root
from boreal.surfaces.cli.running import CommandFailed, DataDir, named_organization, once, run, serve, settings_for

Host = Annotated[str | None, typer.Option(help="The address to listen on. Default: BOREAL_HOST or 127.0.0.1.")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0: any. Default: BOREAL_PORT or 8000.")
]


def commands(root: Root) -> typer.Typer:
    """The command line of a composition root."""
    cli = typer.Typer(
        name="boreal",
        help="Boreal: merchant of record and billing, yours to run.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    _add_processes(cli, root)
    _add_tools(cli, root)
    _add_organizations(cli, root)
    _add_tokens(cli, root)
    _add_work(cli, root)
    add_backups(cli, root)
    add_clocks(cli, root)
    add_events(cli, root)
    return cli


def _add_processes(cli: typer.Typer, root: Root) -> None:
    @cli.command()
    def demo(
        host: Host = None,
        port: Port = None,
        data_dir: DataDir = None,
        ready_file: Annotated[Path | None, typer.Option(help="Written when everything is up, as JSON.")] = None,
        reload: Annotated[bool, typer.Option(help="Start anew when a source file changes.")] = False,
    ) -> None:
        """Runs everything in one process, with a demo organization that sells something."""
        if reload:
            demonstration.run_with_reload(host=host, port=port, data_dir=data_dir, ready_file=ready_file)
            return
        demonstration.forget(ready_file)
        settings = settings_for(host=host, port=port, data_dir=data_dir, **demonstration.defaults(os.environ))
        show = partial(demonstration.show, root=root, ready_file=ready_file)
        run(serve(root, settings, ready=show), until_stopped=True)

    @cli.command()
    def up(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
        """Runs API, pages and worker in one process."""
        settings = settings_for(host=host, port=port, data_dir=data_dir)
        run(serve(root, settings, ready=_say_url), until_stopped=True)

    @cli.command("serve")
    def serve_only(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
        """Runs API and pages; a `boreal worker` beside it does the work."""
        settings = settings_for(host=host, port=port, data_dir=data_dir)
        run(serve(root, settings, worker=False, ready=_say_url), until_stopped=True)

    @cli.command()
    def worker(data_dir: DataDir = None) -> None:
        """Runs the worker: deliveries, mail, payments, everything that happens later."""
        run(serve(root, settings_for(data_dir=data_dir), http=False, ready=_say_working), until_stopped=True)


async def _say_url(process: Process) -> None:
    typer.echo(f"Boreal is ready on {process.app.settings.url}")
    _say_metrics(process)


async def _say_working(process: Process) -> None:
    typer.echo("Boreal's worker is ready")
    _say_metrics(process)


def _say_metrics(process: Process) -> None:
    if process.app.settings.metrics_address is not None:
        typer.echo(f"Metrics are at http://{process.app.settings.metrics}/metrics")


def _add_tools(cli: typer.Typer, root: Root) -> None:
    @cli.command()
    def migrate(data_dir: DataDir = None) -> None:
        """Brings the database up to date. Every process does so when it starts."""

        async def done(_process: Process) -> None:
            typer.echo("The database is up to date.")

        run(once(root, settings_for(data_dir=data_dir), done))

    @cli.command()
    def openapi() -> None:
        """Prints the OpenAPI document; needs no database."""
        typer.echo(json.dumps(root.openapi(), indent=2, default=str))

    @cli.command()
    def check(
        room: Annotated[str | None, typer.Argument(help="Only the invariants of this room, such as usage.")] = None,
        data_dir: DataDir = None,
    ) -> None:
        """Checks every invariant; exit code 1 and what is wrong if one does not hold."""

        async def report(process: Process) -> None:
            broken = await process.check(room)
            for name, rows in broken.items():
                typer.echo(f"BROKEN {name}: {len(rows)} rows, such as {rows[0]}")
            if broken:
                raise CommandFailed(f"{len(broken)} invariants do not hold")
            typer.echo("Every invariant holds.")

        run(once(root, settings_for(data_dir=data_dir), report))


def _add_organizations(cli: typer.Typer, root: Root) -> None:
    organization = typer.Typer(help="Organizations.", no_args_is_help=True)
    cli.add_typer(organization, name="organization")

    @organization.command("create")
    def organization_create(
        name: Annotated[str, typer.Argument(help="The name that customers see.")],
        slug: Annotated[str, typer.Argument(help="Its part of web addresses; it can never be changed.")],
        email: Annotated[str | None, typer.Option(help="Where customers reach support.")] = None,
        data_dir: DataDir = None,
    ) -> None:
        """Makes an organization that may take payments at once, and prints its id."""

        async def make(process: Process) -> None:
            try:
                made = await create_organization(process.app, name=name, slug=slug, email=email, ready=True)
            except ValueError as wrong:
                raise CommandFailed(str(wrong)) from None
            except asyncpg.UniqueViolationError:
                raise CommandFailed(f"the slug {slug!r} was used before") from None
            typer.echo(str(made.id))

        run(once(root, settings_for(data_dir=data_dir), make))


def _add_tokens(cli: typer.Typer, root: Root) -> None:
    token = typer.Typer(help="Organization access tokens.", no_args_is_help=True)
    cli.add_typer(token, name="token")

    @token.command("create")
    def token_create(
        organization: Annotated[str, typer.Argument(help="The organization's slug or id.")],
        comment: Annotated[str, typer.Option(help="What it is for.")] = "command line",
        scope: Annotated[list[AvailableScope] | None, typer.Option(help="Repeatable. Default: all.")] = None,
        data_dir: DataDir = None,
    ) -> None:
        """Makes an access token and prints it; it is shown only this once."""

        async def make(process: Process) -> None:
            row = await named_organization(process, organization)
            scopes = [item.value for item in scope or AvailableScope]
            _, secret = await create_token(process.app, organization_id=row["id"], comment=comment, scopes=scopes)
            typer.echo(secret)

        run(once(root, settings_for(data_dir=data_dir), make))


def _add_work(cli: typer.Typer, root: Root) -> None:
    jobs = typer.Typer(help="Work that was given up.", no_args_is_help=True)
    cli.add_typer(jobs, name="work")

    @jobs.command("list")
    def work_list(data_dir: DataDir = None) -> None:
        """Lists work that failed too often, oldest first."""

        async def show(process: Process) -> None:
            for row in await work.failed(process.app.database):
                typer.echo(f"{row['id']}\t{row['failed_at']:%Y-%m-%d %H:%M:%S}\t{row['kind']}\t{row['last_error']}")

        run(once(root, settings_for(data_dir=data_dir), show))

    @jobs.command("retry")
    def work_retry(
        id: Annotated[int | None, typer.Argument(help="The number of the row; all of them without it.")] = None,
        data_dir: DataDir = None,
    ) -> None:
        """Makes given-up work due again."""

        async def again(process: Process) -> None:
            count = await work.retry(process.app.database, now=process.app.clock.now(), id=id)
            if id is not None and not count:
                raise CommandFailed(f"no work {id} was given up")
            typer.echo(f"{count} due again")

        run(once(root, settings_for(data_dir=data_dir), again))
