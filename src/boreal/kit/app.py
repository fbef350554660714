"""What a running Boreal is made of: one `App` per process, put together by `main` and handed to every command.

Commands take what they need from it: `app.transaction(organization_id)`, `app.database`, `app.clock`, and the ports
of the outside world by their type: `app.get(PaymentProcessor)`.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from uuid import UUID

from boreal.kit.auth import Authenticator
from boreal.kit.clock import Clock
from boreal.kit.courtesy import Courtesy
from boreal.kit.db import Database
from boreal.kit.metrics import Metrics
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings
from boreal.kit.times import OrganizationTimes
from boreal.kit.tx import Transactions, Tx
from boreal.kit.work import Kind, Wakeups

T = TypeVar("T")


@dataclass
class App:
    """One process of Boreal. `adapters` maps a port (a Protocol class) to what implements it here."""

    settings: Settings
    database: Database
    clock: Clock
    keyring: Keyring
    transactions: Transactions
    authenticator: Authenticator
    wakeups: Wakeups
    kinds: Mapping[str, Kind]
    adapters: dict[type[Any], Any] = field(default_factory=dict)
    dispatch: Callable[[], Awaitable[int]] | None = None
    """Dispatches committed facts, as the worker does all the time; returns how many."""
    courtesy: Courtesy = field(default_factory=Courtesy)
    """Who is let go first in this process."""
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.clock)

    @property
    def times(self) -> OrganizationTimes:
        """What time it is for whom."""
        return self.transactions.times

    def transaction(self, organization_id: UUID) -> AbstractAsyncContextManager[Tx]:
        """A transaction of one organization: `async with app.transaction(id) as tx`."""
        return self.transactions.begin(organization_id)

    def get(self, port: type[T]) -> T:
        """The adapter behind a port; `KeyError` if `main` gave none."""
        return cast(T, self.adapters[port])
