"""Events that a processor sends to us over HTTP, signed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from boreal.providers.ports.payments import ProcessorEvent


class EventRefused(Exception):
    """It cannot be told who sent the request, or when; the message says why."""


class EventReader(Protocol):
    """Knows the handwriting of a processor."""

    def read(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> ProcessorEvent | None:
        """The event in a request of the processor; None for one that means nothing to us. Header names are lower-case.

        Raises `EventRefused` if the signature is missing, wrong or too old.
        """
        ...
