"""What one database knows of the installation that it belongs to: which secret keys its contents were made with.

With other keys every token would be unknown and no webhook secret could be read, one request at a time. So a process
looks before it serves anything.
"""

import sqlalchemy as sa

from boreal.kit.db import Database, metadata
from boreal.kit.secrets import KeyFileFailed, Keyring

InstallationRow = sa.Table(
    "installation",
    metadata,
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("key_fingerprint", sa.Text, nullable=False),
    sa.CheckConstraint("singleton", name="one_row"),
)

_REMEMBER = sa.text(
    "INSERT INTO installation (key_fingerprint) VALUES (:fingerprint) ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("fingerprint", type_=sa.Text))
_KNOWN = sa.select(InstallationRow.c.key_fingerprint)


async def claim(database: Database, keyring: Keyring) -> None:
    """The database is one whose secrets these keys can read; the first keys that it meets are remembered.

    A key added to the file changes nothing. Raises `KeyFileFailed` for the keys of another installation.
    """
    await database.execute(_REMEMBER, fingerprint=keyring.fingerprint)
    if await database.fetchval(_KNOWN) != keyring.fingerprint:
        raise KeyFileFailed(
            "the key file holds other keys than those that the tokens and webhook secrets in the database were made "
            "with: put theirs back, or say with BOREAL_KEY_FILE where they are"
        )
