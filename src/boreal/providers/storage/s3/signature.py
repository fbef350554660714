"""Signed addresses of S3: AWS Signature Version 4 in the query.

The library that reads and deletes objects signs plain addresses only; parts of an upload and downloads under a name of
their own need parameters and headers in the signature. Source: the AWS documentation, "Authenticating Requests: Using
Query Parameters"; a test signs its example.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose signature it is, and for which region."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


def signed_url(
    credentials: Credentials,
    method: str,
    url: str,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    now: datetime,
    expires_in: timedelta,
) -> str:
    """The URL with `query` and a signature; whoever uses it has to send exactly these `headers`.

    The path of `url` is quoted already, and it has no query of its own.
    """
    parts = urlsplit(url)
    scope = f"{now:%Y%m%d}/{credentials.region}/s3/aws4_request"
    signed = {"host": parts.netloc, **{name.lower(): value.strip() for name, value in headers.items()}}
    names = ";".join(sorted(signed))
    asked = {
        **query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(int(expires_in.total_seconds())),
        "X-Amz-SignedHeaders": names,
    }
    text = "&".join(f"{name}={value}" for name, value in sorted((_quoted(k), _quoted(v)) for k, v in asked.items()))
    listed = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join((method, parts.path, text, listed, names, "UNSIGNED-PAYLOAD"))
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", asked["X-Amz-Date"], scope, digest))
    key = f"AWS4{credentials.secret_access_key}".encode()
    for step in scope.split("/"):
        key = _mac(key, step)
    return f"{url}?{text}&X-Amz-Signature={_mac(key, to_sign).hex()}"


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
