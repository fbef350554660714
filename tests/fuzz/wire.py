"""HTTP by hand: bytes are written to a socket, and what comes back is taken apart. No client would send these."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One reply. Header names are in lower case; the body is whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as strict JSON."""
        return json.loads(self.body)


async def exchange(port: int, *sent: bytes, timeout_s: float = 20.0) -> list[Answer]:
    """Writes pieces to a new connection and reads until the server closes it; what it answered, in order.

    A server that closes while we still write is no failure. `TimeoutError` when it does not close.
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        received = asyncio.ensure_future(_all(reader))
        try:
            for piece in sent:
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        answered = await received
        writer.close()
    return parse(answered)


async def _all(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while piece := await reader.read(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def parse(received: bytes) -> list[Answer]:
    """The replies in what a server sent, before which it may have asked us to continue."""
    answers = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        if status == 100:
            continue
        if headers.get("transfer-encoding") == "chunked":
            body, received = _chunks(received)
        else:
            length = int(headers.get("content-length", len(received)))
            body, received = received[:length], received[length:]
        answers.append(Answer(status, headers, body))
    return answers


def _chunks(received: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, received = received.partition(b"\r\n")
        length = int(size, 16)
        body, received = body + received[:length], received[length + 2 :]
        if not length:
            return body, received


def request(
    method: str | bytes,
    target: str | bytes,
    *headers: bytes,
    body: bytes = b"",
    token: str | None = None,
    kind: bytes | None = b"application/json",
) -> bytes:
    """A request that ends its connection; everything in it is sent as it is."""
    lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(target)), b"host: boreal.test", b"connection: close", *headers]
    if token is not None:
        lines.append(b"authorization: Bearer " + token.encode())
    if body:
        lines.append(b"content-length: %d" % len(body))
        lines += [] if kind is None else [b"content-type: " + kind]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces: bytes) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
