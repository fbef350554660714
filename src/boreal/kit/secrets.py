"""Tokens, their hashes, and secrets that must be read back.

A token is `prefix + 37 random characters + 6 characters of checksum` (platform spec 2.1); we store only
HMAC-SHA-256(server secret, token). Secrets that we must be able to read back (webhook secrets, provider keys) are
encrypted with a key that has an id, so that keys can be rotated.

>>> token_checksum("A" * 37)
'2qTV0e'
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import string
import tempfile
import zlib
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 37
_KEY_BYTES = 32


def token_checksum(random_part: str) -> str:
    """CRC-32 of the random part, in base 62 (`0-9A-Za-z`), padded with `0` to six characters (platform spec 2.1)."""
    number = zlib.crc32(random_part.encode("ascii"))
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(6, "0")


def new_token(prefix: str) -> str:
    """A fresh token, such as `polar_oat_` followed by 43 characters. It is a secret: show it once, store its hash."""
    random_part = "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_LENGTH))
    return prefix + random_part + token_checksum(random_part)


class KeyFileFailed(Exception):
    """The key file cannot be read or made; the message is for people."""


def write_keys(path: Path, text: str) -> None:
    """The key file has this text, unless it is there already (of several processes that start at once, one wins).

    Its mode is 0600, and it is complete or absent, also after a crash. Raises `KeyFileFailed`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(beside, path)
            _sync_directory(path.parent)
        finally:
            os.unlink(beside)
    except OSError as error:
        raise KeyFileFailed(f"cannot make the key file {path}: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    """The names in a directory are on the disk; else a crash may lose the keys and keep what they encrypted."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_keys(path: Path) -> str:
    """The text of the key file; raises `KeyFileFailed`."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileFailed(f"cannot read the key file {path}: {error}") from error


class Keyring:
    """The server's secret: peppers token hashes and encrypts what must be read back.

    `keys` maps a key id to 32 bytes; the last one encrypts, all of them decrypt. The pepper of token hashes is derived
    from the first, which therefore has to stay.
    """

    def __init__(self, keys: dict[str, bytes], *, pepper: bytes | None = None) -> None:
        self._keys = keys
        self._current = list(keys)[-1]
        self._pepper = (
            pepper if pepper is not None else hashlib.sha256(b"boreal tokens" + next(iter(keys.values()))).digest()
        )

    @classmethod
    def open(cls, path: Path, *, make: bool = True) -> "Keyring":
        """Reads the key file, or makes it (mode 0600) where there is none. A line is `key-id base64-of-32-bytes`.

        Without `make`, for a database whose secrets need a key file that has been made, a missing one is refused.
        Raises `KeyFileFailed`.
        """
        if not path.exists():
            if not make:
                raise KeyFileFailed(
                    f"the key file {path} is missing, and the tokens and webhook secrets in the database need it: "
                    "put it back, or say with BOREAL_KEY_FILE where it is"
                )
            write_keys(path, f"k1 {base64.b64encode(os.urandom(_KEY_BYTES)).decode()}\n")
        return cls.of(read_keys(path))

    @classmethod
    def of(cls, text: str) -> "Keyring":
        """The keys in the text of a key file; raises `KeyFileFailed` for anything else."""
        keys = {}
        try:
            for line in text.splitlines():
                if line.strip():
                    key_id, value = line.split()
                    if key_id in keys or ":" in key_id:
                        raise ValueError
                    keys[key_id] = base64.b64decode(value, validate=True)
        except ValueError:
            keys = {}
        if not keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise KeyFileFailed("the key file holds something else than keys")
        return cls(keys)

    def hash_token(self, token: str) -> str:
        """HMAC-SHA-256 of the whole token, prefix included, as lower-case hex (platform spec 2.1)."""
        return hmac.new(self._pepper, token.encode(), hashlib.sha256).hexdigest()

    def encrypt(self, secret: str) -> str:
        """`key-id:base64(nonce + ciphertext)` by AES-256-GCM."""
        nonce = os.urandom(12)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, secret.encode(), self._current.encode())
        return f"{self._current}:{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, sealed: str) -> str:
        """The secret; raises `KeyError` for an unknown key id and `InvalidTag` for anything tampered with."""
        key_id, _, text = sealed.partition(":")
        data = base64.b64decode(text)
        return AESGCM(self._keys[key_id]).decrypt(data[:12], data[12:], key_id.encode()).decode()

    @property
    def fingerprint(self) -> str:
        """Tells the first keys of key files apart and gives nothing of them away."""
        return self.derive("backup fingerprint")[:8].hex()

    def derive(self, purpose: str) -> bytes:
        """32 bytes for another use of the same secret, such as the pepper of card fingerprints."""
        return hmac.new(self._pepper, purpose.encode(), hashlib.sha256).digest()
