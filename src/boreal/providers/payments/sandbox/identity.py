"""Ids, secrets and fingerprints of the sandbox, derived from a secret pepper: stable, and not to be guessed."""

import hashlib
import hmac


class Identity:
    """Derives everything that has to be the same when the same is asked again."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def new_id(self, prefix: str, origin: str) -> str:
        """The id of what comes of `origin`, such as `pi_` and an idempotency key."""
        return f"{prefix}_{self._digest(prefix, origin)[:24]}"

    def client_secret(self, intent_id: str) -> str:
        """What lets a browser act on one intent."""
        return f"{intent_id}_secret_{self._digest('client secret', intent_id)[:32]}"

    def fingerprint(self, card_number: str) -> str:
        """The same for the same card; without the pepper it tells nothing about the number."""
        return self._digest("card", card_number)[:16]

    def _digest(self, purpose: str, text: str) -> str:
        return hmac.new(self._pepper, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()
