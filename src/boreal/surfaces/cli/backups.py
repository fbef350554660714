"""The commands that take a backup and bring it back."""

from pathlib import Path
from typing import Annotated

import typer

from boreal.kit.backup import BackupFailed, Header, back_up, read_header, restore
from boreal.kit.clock import Clock
from boreal.kit.migrations import migrate
from boreal.kit.secrets import Keyring, read_keys, write_keys
from boreal.kit.settings import Settings
from boreal.surfaces.cli.database import running_database
from boreal.surfaces.cli.root import Root
from boreal.surfaces.cli.running import DataDir, run, settings_for


def add_backups(cli: typer.Typer, root: Root) -> None:
    """`boreal backup` and `boreal restore`."""

    @cli.command()
    def backup(
        file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
        with_keys: Annotated[bool, typer.Option(help="Put the secret keys in it too.")] = False,
        data_dir: DataDir = None,
    ) -> None:
        """Writes everything in the database to one file, also while Boreal runs."""
        run(make_backup(root, settings_for(data_dir=data_dir), file, with_keys=with_keys))

    @cli.command("restore")
    def restore_backup(
        file: Annotated[Path, typer.Argument(help="A file that `boreal backup` wrote.")],
        force: Annotated[bool, typer.Option(help="Replace everything in a database that is not empty.")] = False,
        data_dir: DataDir = None,
    ) -> None:
        """Makes the database what it was when the backup was made, and migrates it. Boreal must not run."""
        run(bring_back(root, settings_for(data_dir=data_dir), file, force=force))


async def make_backup(root: Root, settings: Settings, file: Path, *, with_keys: bool) -> None:
    """Makes a backup and says where it is and where its keys are."""
    key_file = root.key_file(settings)
    keys = read_keys(key_file)
    async with running_database(settings, root.data_dir(settings), share=True) as running:
        header = await back_up(running.dsn, file, keys=keys, with_keys=with_keys, now=Clock().now())
    _say_made(file, header, key_file)


def _say_made(file: Path, header: Header, key_file: Path) -> None:
    typer.echo(f"{file}: {file.stat().st_size:,} bytes, schema {header.revision}.")
    if header.keys is not None:
        typer.echo("The secret keys are in it: keep it as safe as them.")
    else:
        typer.echo(f"The secret keys are NOT in it: keep {key_file} too. Tokens and webhook secrets need it.")


async def bring_back(root: Root, settings: Settings, file: Path, *, force: bool) -> None:
    """Restores a backup, writes its keys where there are none, migrates it, and says which keys are still missing."""
    header = read_header(file)
    key_file = root.key_file(settings)
    fits = _fits(key_file, header)
    if fits is False and header.keys is not None:
        raise BackupFailed(f"{key_file} holds other keys than the backup: move it away first")
    async with running_database(settings, root.data_dir(settings), share=False) as running:
        await restore(running.dsn, file, force=force)
        if header.keys is not None:
            write_keys(key_file, header.keys)
        await migrate(running.dsn)
    typer.echo(f"Restored what Boreal {header.version} had on {header.created_at}.")
    if not fits and header.keys is None:
        state = "is missing" if fits is None else "holds other keys"
        typer.echo(f"{key_file} {state}: put the key file of the backup there, or no token and webhook secret works.")


def _fits(key_file: Path, header: Header) -> bool | None:
    """Whether the key file is that of the backup; None where there is none."""
    return Keyring.of(read_keys(key_file)).fingerprint == header.key_fingerprint if key_file.exists() else None
