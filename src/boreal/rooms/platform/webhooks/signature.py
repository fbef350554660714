"""Signing a delivery by the Standard Webhooks scheme (platform spec 8.3).

The key is the text of the whole secret, prefix included. The library decodes what it is given from base64, so it is
given base64; a secret that looks as if it were base64 is taken literally, too.
"""

import base64
from datetime import datetime
from uuid import UUID

from standardwebhooks import Webhook

USER_AGENT = "polar.sh webhooks"


def sign(secret: str, *, id: UUID, at: datetime, body: str) -> str:
    """`v1,` and the base64 of HMAC-SHA-256 over `id.seconds.body`."""
    return Webhook(base64.b64encode(secret.encode()).decode()).sign(str(id), at, body)


def headers(secret: str, *, id: UUID, at: datetime, body: str) -> dict[str, str]:
    """The headers of one attempt, made at `at` (aware, UTC). `id` is the event's, and the same in every attempt."""
    return {
        "user-agent": USER_AGENT,
        "content-type": "application/json",
        "webhook-id": str(id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign(secret, id=id, at=at, body=body),
    }
