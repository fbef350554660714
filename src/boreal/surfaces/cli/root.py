"""What the command line needs from the composition root, which is above it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from boreal.kit.app import App
from boreal.kit.settings import Settings
from boreal.surfaces.metrics import Asgi


class Process(Protocol):
    """An opened Boreal: its database answers and is migrated."""

    @property
    def app(self) -> App:
        """What commands take."""
        ...

    @property
    def served(self) -> Asgi:
        """API and pages."""
        ...

    @property
    def operations(self) -> Asgi:
        """Health and metrics, for a listener of their own."""
        ...

    @property
    def keep_running(self) -> Callable[[], Awaitable[None]]:
        """Restarts the embedded PostgreSQL, if there is one and it dies, until cancelled."""
        ...

    async def work(self) -> None:
        """Dispatches facts and does due work until cancelled."""
        ...

    async def check(self, room: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """The invariants (of one room) that do not hold, each with the rows that break it."""
        ...


class Root(Protocol):
    """The composition root, as the command line sees it."""

    def open(self, settings: Settings, *, share: bool = False) -> AbstractAsyncContextManager[Process]:
        """Starts what the settings ask for (the embedded PostgreSQL, if no other is named) and migrates it.

        With `share` an embedded server that runs already is used.
        """
        ...

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, without a database."""
        ...

    def data_dir(self, settings: Settings) -> Path:
        """Where this installation keeps its files."""
        ...

    def key_file(self, settings: Settings) -> Path:
        """Where this installation keeps its secret keys."""
        ...

    async def upkeep(self, app: App) -> None:
        """What a process writes down from time to time, such as when tokens were last used."""
        ...
