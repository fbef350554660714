"""Tokens, their hashes, and secrets that must be read back.

A token is `prefix + 37 random characters + 6 characters of checksum` (platform spec 2.1); we store only
HMAC-SHA-256(server secret, token). Secrets that we must be able to read back (webhook secrets, provider keys) are
encrypted with a key that has an id, so that keys can be rotated.

>>> token_checksum("A" * 37)
'2qTV0e'
"""

import base64
import hashlib
import hmac
import os
import secrets
import string
import zlib
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 37


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


class Keyring:
    """The server's secret: peppers token hashes and encrypts what must be read back.

    `keys` maps a key id to 32 bytes; the last one encrypts, all of them decrypt. The pepper of token hashes is derived
    from the first, which therefore has to stay.
    """

    def __init__(self, keys: dict[str, bytes], *, pepper: bytes | None = None) -> None:
        self._keys = keys
        self._current = list(keys)[-1]
        self._pepper = (
            pepper
            if pepper is not None
            else hashlib.sha256(b"boreal tokens" + next(iter(keys.values()))).digest()
        )

    @classmethod
    def open(cls, path: Path) -> "Keyring":
        """Reads the key file, or makes it (mode 0600) where there is none. A line is `key-id base64-of-32-bytes`."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            line = f"k1 {base64.b64encode(os.urandom(32)).decode()}\n"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        keys = {}
        for line in path.read_text().split("\n"):
            if line.strip():
                key_id, value = line.split()
                keys[key_id] = base64.b64decode(value)
        if not keys:
            raise ValueError(f"{path} holds no key")
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

    def derive(self, purpose: str) -> bytes:
        """32 bytes for another use of the same secret, such as the pepper of card fingerprints."""
        return hmac.new(self._pepper, purpose.encode(), hashlib.sha256).digest()
