"""The demo: an organization that sells something, made once and found again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from pydantic import TypeAdapter

from boreal.core.scopes import AvailableScope
from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, Subject
from boreal.kit.settings import Settings
from boreal.rooms.catalog.public import ProductCreate, create_product
from boreal.rooms.checkout.public import create_checkout_link
from boreal.rooms.platform.public import create_organization, create_token, organization_by_slug
from boreal.surfaces.cli.root import Process, Root

SLUG = "northwind"

_PRODUCT: TypeAdapter[Any] = TypeAdapter(ProductCreate)

_PRODUCTS: Sequence[dict[str, Any]] = (
    {
        "name": "Northwind Pro",
        "description": "Everything in Northwind, for one developer. Pay once, keep it for good.",
        "prices": [{"amount_type": "fixed", "price_amount": 2400}],
    },
    {
        "name": "Northwind Cloud",
        "description": "Sync, backups and support, billed every month.",
        "recurring_interval": "month",
        "prices": [{"amount_type": "fixed", "price_amount": 1200}],
    },
    {
        "name": "Buy us a coffee",
        "description": "Pay what you want, from one dollar.",
        "prices": [{"amount_type": "custom", "minimum_amount": 100, "preset_amount": 500}],
    },
    {
        "name": "Community edition",
        "description": "Free, for as long as you like.",
        "prices": [{"amount_type": "free"}],
    },
)


def defaults(environment: Mapping[str, str]) -> dict[str, Any]:
    """What a demo has other than an installation, where the environment does not say: local webhooks, no limits."""
    wanted = {
        "BOREAL_LOG_LEVEL": ("log_level", "warning"),
        "BOREAL_METRICS": ("metrics", "on"),
        "BOREAL_RATE_LIMIT_PER_MINUTE": ("rate_limit_per_minute", 0),
        "BOREAL_WEBHOOK_ALLOWED_HOSTS": ("webhook_allowed_hosts", ("127.0.0.1", "localhost", "::1")),
    }
    return dict(setting for variable, setting in wanted.items() if not environment.get(variable, "").strip())


def forget(file: Path | None) -> None:
    """Removes a file of an earlier start, such as its ready file, which would say too early that this one is ready."""
    if file is not None:
        file.unlink(missing_ok=True)


async def show(process: Process, *, root: Root, ready_file: Path | None) -> None:
    """Finds or makes the demo's data, prints what matters, and writes the ready file last."""
    settings = process.app.settings
    data = await _data(process.app, settings, root.data_dir(settings) / "demo.json")
    typer.echo(_words(data, settings))
    if ready_file is not None:
        _write(ready_file, data)


def _words(data: dict[str, Any], settings: Settings) -> str:
    return f"""
Boreal is ready on {data["base_url"]}  (Ctrl-C stops it)

  Buy something    {data["checkout_url"]}
                   card 4242 4242 4242 4242, any date to come, any CVC
  Captured mail    {settings.url}/mail
  API document     {settings.url}/openapi.json
  Organization     {data["organization_id"]}
  Access token     {data["access_token"]}

  curl -H "Authorization: Bearer {data["access_token"]}" {settings.url}/v1/products/
"""


async def _data(app: App, settings: Settings, kept: Path) -> dict[str, Any]:
    """What the ready file says. The token can be read nowhere but in `kept`, so a lost file means a new token."""
    row = await organization_by_slug(app.database, SLUG)
    known = _read(kept)
    if row is None or known is None or known["organization_id"] != str(row["id"]):
        known = await _make(app, row["id"] if row is not None else None, kept.with_name("demo.started"))
        _write(kept, known)
    link = f"{settings.url}/v1/checkout-links/{known['link_secret']}/redirect"
    told = {name: value for name, value in known.items() if name != "link_secret"}
    return {"base_url": settings.url, **told, "checkout_url": link}


async def _make(app: App, organization_id: UUID | None, started: Path) -> dict[str, Any]:
    """Makes what is missing. `started` keeps the products made so far, for a start that was cut off."""
    if organization_id is None:
        organization = await create_organization(
            app, name="Northwind", slug=SLUG, email="support@northwind.example", ready=True
        )
        organization_id = organization.id
    scopes = [scope.value for scope in AvailableScope]
    shown, token = await create_token(app, organization_id=organization_id, comment="demo", scopes=scopes)
    actor = Actor(Subject.organization, frozenset(scopes), (organization_id,), shown["id"])
    assert actor.kind in MERCHANT
    ids = [UUID(id) for id in (_read(started) or {}).get(str(organization_id), ())]
    for body in _PRODUCTS[len(ids) :]:
        detail = await create_product(app, actor, _PRODUCT.validate_python(body))
        ids.append(detail.product.id)
        _write(started, {str(organization_id): [str(id) for id in ids]})
    secret = await create_checkout_link(app, organization_id=organization_id, product_ids=ids, label="Demo")
    forget(started)
    return {
        "organization_id": str(organization_id),
        "access_token": token,
        "product_ids": [str(id) for id in ids],
        "link_secret": secret,
    }


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.exists() else None


def _write(path: Path, data: dict[str, Any]) -> None:
    """Written beside and moved into place: whoever reads it reads all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(data, file, indent=2)
    beside.replace(path)


def run_with_reload(**options: Any) -> None:
    """Runs the demo in a child process and starts it anew whenever a source file changes, until SIGINT or SIGTERM."""
    arguments = [sys.executable, "-m", "boreal", "demo"]
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while _run_until_changed(arguments, Path(__file__).parents[2]):
            pass


def _run_until_changed(arguments: Sequence[str], source: Path) -> bool:
    """Runs the child until a source file changes; False if it was content to end before."""
    seen = _fingerprint(source)
    child = subprocess.Popen(arguments)
    try:
        while child.poll() is None and _fingerprint(source) == seen:
            time.sleep(0.5)
        if child.poll() == 0:
            return False
    finally:
        child.terminate()
        child.wait()
    while _fingerprint(source) == seen:
        time.sleep(0.5)  # it ended by itself: wait for a change that may mend it
    return True


def _fingerprint(source: Path) -> float:
    return max(path.stat().st_mtime for path in source.rglob("*") if path.suffix in {".py", ".html", ".css", ".js"})
