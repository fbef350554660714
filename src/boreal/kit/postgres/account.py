"""The user that the embedded PostgreSQL runs as, and what that user can reach.

PostgreSQL refuses to run as root. An ordinary user runs it as themselves; root hands it to whom the data belongs
already, or else to the system user `boreal`, which is made when it is missing.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

SYSTEM_USER = "boreal"


class PostgresFailed(Exception):
    """The embedded PostgreSQL cannot do what was asked; the message is for people and says what to do."""


class Identity(TypedDict, total=False):
    """The options of `subprocess.Popen` that change the user; empty where there is nothing to change."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The user of the server. `dropped` says that we are root and the server is not."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def identity(self) -> Identity:
        """How to start a process as this user."""
        return Identity(user=self.uid, group=self.gid, extra_groups=[]) if self.dropped else Identity()

    def blocked_at(self, path: Path) -> Path | None:
        """The outermost folder on the way to `path`, or `path` itself, that this user may not enter or execute."""
        way = [str(step) for step in (*reversed(path.parents), path)]
        try:
            finding = subprocess.run(
                ["/bin/sh", "-c", 'for step; do [ -x "$step" ] || { printf %s "$step"; exit; }; done', "sh", *way],
                stdout=subprocess.PIPE,
                cwd="/",
                check=True,
                text=True,
                **self.identity(),
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise PostgresFailed(f"cannot act as the user {self.name}: {error}") from error
        return Path(finding) if finding else None

    def own(self, path: Path, *, mode: int) -> None:
        """Makes `path` this user's, with exactly the permissions `mode`."""
        if self.dropped:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)

    def share(self, path: Path, *, mode: int) -> None:
        """Leaves `path` ours and gives this user the permissions of its group in `mode`."""
        if self.dropped:
            os.chown(path, -1, self.gid)
        path.chmod(mode)


def server_account(data: Path) -> Account:
    """Who runs the server whose files are, or will be, in `data`. Refused where `data` belongs to somebody else."""
    us = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if us == 0:
        return _account(owner) if owner else _system_account()
    if owner is not None and owner != us:
        raise PostgresFailed(f"{data} belongs to the user {user_name(owner)}: start as that user, or as root")
    return Account(user_name(us), us, os.getegid(), dropped=False)


def user_name(uid: int) -> str:
    """The name of a user; the number where the system knows no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise PostgresFailed(f"the data belongs to the user number {uid}, whom this system does not know") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, dropped=True)


def _system_account() -> Account:
    try:
        return _account(pwd.getpwnam(SYSTEM_USER).pw_uid)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return _account(pwd.getpwnam("nobody").pw_uid)
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run([useradd, *options, "--shell", "/bin/false", SYSTEM_USER], capture_output=True, text=True)
    try:  # another start may have made it at the same time
        return _account(pwd.getpwnam(SYSTEM_USER).pw_uid)
    except KeyError:
        raise PostgresFailed(f"cannot make the system user {SYSTEM_USER}: {made.stderr.strip()}") from None
