"""Settings: read once from the environment, checked, and never looked up again.

Every setting is a field below with its default and one sentence of help. A wrong value, or a `BOREAL_*` variable that
does not exist, is one readable line naming the variable.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boreal.core.dunning import SCHEDULE


class SettingsError(Exception):
    """A setting cannot be understood; the message names the variable and says what would be right."""


def _text(value: str) -> str:
    return value


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"\d+", value.strip()) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def _choice(*options: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return value

    return parse


def _watched_at(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value not in ("off", "on") and not (host and port.isdigit() and int(port) <= 65535):
        raise ValueError("must be off, on, or an address and port such as 127.0.0.1:9464")
    return value


def _list(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())


def _days(value: str) -> tuple[int, ...]:
    days = tuple(_number(1, 365)(part) for part in _list(value))
    if not days or list(days) != sorted(set(days)):
        raise ValueError("must be days in ascending order, such as 2,7,14,21")
    return days


def _path(value: str) -> Path:
    return Path(value).expanduser()


def _database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a URL beginning with postgresql://")
    return value


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        try:
            parts = urlsplit(value)
            complete = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a host or a port that is none
            complete = False
        if not complete:
            raise ValueError(f"must be a URL beginning with {' or '.join(scheme + '://' for scheme in schemes)}")
        return value.rstrip("/")

    return parse


def setting(
    variable: str, help: str, parse: Callable[[str], Any], default: Any = MISSING, *, secret: bool = False
) -> Any:
    """One setting: its environment variable, one sentence of help, how its text is read, and whether to show it."""
    metadata = {"variable": variable, "help": help, "parse": parse, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process."""

    database_url: str | None = setting(
        "DATABASE_URL",
        "A PostgreSQL 15 or later of your own, instead of the embedded one.",
        _database_url,
        None,
        secret=True,
    )
    data_dir: Path | None = setting(
        "BOREAL_DATA_DIR", "Where the embedded PostgreSQL, the key file and uploaded files live.", _path, None
    )
    key_file: Path | None = setting(
        "BOREAL_KEY_FILE",
        "The server's secret keys; made on first start. Default: `keys` in the data directory.",
        _path,
        None,
    )
    host: str = setting("BOREAL_HOST", "The address to listen on.", _text, "127.0.0.1")
    port: int = setting("BOREAL_PORT", "The port to listen on; 0 takes any that is free.", _number(0, 65535), 8000)
    base_url: str | None = setting(
        "BOREAL_BASE_URL",
        "How people reach this server, for links in pages and mail. Default: from host and port.",
        _url("http", "https"),
        None,
    )
    environment: str = setting(
        "BOREAL_ENVIRONMENT",
        "`sandbox` moves no money and says so on every reply; `production` does.",
        _choice("sandbox", "production"),
        "sandbox",
    )
    payments: str = setting(
        "BOREAL_PAYMENTS",
        "The payment processor: `sandbox` moves no money; `stripe` is a Stripe account.",
        _choice("sandbox", "stripe"),
        "sandbox",
    )
    stripe_secret_key: str | None = setting(
        "BOREAL_STRIPE_SECRET_KEY", "A secret or restricted key of the Stripe account.", _text, None, secret=True
    )
    stripe_publishable_key: str | None = setting(
        "BOREAL_STRIPE_PUBLISHABLE_KEY", "The publishable key that belongs to it; pages show it.", _text, None
    )
    stripe_webhook_secret: str | None = setting(
        "BOREAL_STRIPE_WEBHOOK_SECRET", "What Stripe signs its events with.", _text, None, secret=True
    )
    stripe_api_url: str | None = setting(
        "BOREAL_STRIPE_API_URL", "Another address of Stripe's API, for tests.", _url("http", "https"), None
    )
    tax: str = setting(
        "BOREAL_TAX",
        "The source of taxes: `tables` are rates that Boreal ships; `stripe` is Stripe Tax; `none` collects no tax.",
        _choice("none", "tables", "stripe"),
        "none",
    )
    tax_seller_country: str = setting(
        "BOREAL_TAX_SELLER_COUNTRY", "Where the seller is, for BOREAL_TAX=tables (ISO 3166-1 alpha-2).", _text, "IE"
    )
    seller_name: str | None = setting(
        "BOREAL_SELLER_NAME", "Who sells, on invoices: the merchant of record. Default: the organization.", _text, None
    )
    seller_details: tuple[str, ...] = setting(
        "BOREAL_SELLER_DETAILS",
        "The seller's address and tax id on invoices; each part between commas is a line.",
        _list,
        (),
    )
    tax_registrations: tuple[str, ...] = setting(
        "BOREAL_TAX_REGISTRATIONS",
        "Where tax is collected, comma separated: `EU`, countries, or parts of a country such as `US-KY`.",
        _list,
        ("EU", "GB"),
    )
    mail: str = setting(
        "BOREAL_MAIL",
        "`capture` keeps mail and shows it under /mail; `smtp` sends it.",
        _choice("capture", "smtp"),
        "capture",
    )
    smtp_url: str | None = setting(
        "BOREAL_SMTP_URL", "The mail server, for BOREAL_MAIL=smtp.", _url("smtp", "smtps"), None, secret=True
    )
    mail_domain: str = setting("BOREAL_MAIL_DOMAIN", "The domain of sender addresses.", _text, "boreal.localhost")
    storage: str = setting(
        "BOREAL_STORAGE",
        "Where uploaded files are kept: `local`, a directory; `s3`, a bucket of S3 or of what speaks its protocol.",
        _choice("local", "s3"),
        "local",
    )
    storage_dir: Path | None = setting(
        "BOREAL_STORAGE_DIR", "The directory for `local`. Default: `files` in the data directory.", _path, None
    )
    s3_url: str | None = setting(
        "BOREAL_S3_URL",
        "The bucket, for `s3`, as clients reach it: `https://s3.eu-central-1.amazonaws.com/my-bucket`.",
        _url("http", "https"),
        None,
    )
    s3_region: str = setting("BOREAL_S3_REGION", "The region of the bucket.", _text, "us-east-1")
    s3_access_key_id: str | None = setting("BOREAL_S3_ACCESS_KEY_ID", "Who may use the bucket.", _text, None)
    s3_secret_access_key: str | None = setting(
        "BOREAL_S3_SECRET_ACCESS_KEY", "The secret of the access key.", _text, None, secret=True
    )
    dunning_days: tuple[int, ...] = setting(
        "BOREAL_DUNNING_DAYS",
        "On which days after the first failure an unpaid order of a subscription is charged again; after the last one "
        "the subscription ends.",
        _days,
        SCHEDULE,
    )
    webhook_allowed_hosts: tuple[str, ...] = setting(
        "BOREAL_WEBHOOK_ALLOWED_HOSTS",
        "Host names and addresses, comma separated, that webhooks may reach although they are private, also by http.",
        _list,
        (),
    )
    first_party_origins: tuple[str, ...] = setting(
        "BOREAL_FIRST_PARTY_ORIGINS", "Origins, comma separated, whose pages may send cookies.", _list, ()
    )
    trusted_proxies: tuple[str, ...] = setting(
        "BOREAL_TRUSTED_PROXIES", "Addresses, comma separated, whose X-Forwarded-For is believed.", _list, ()
    )
    rate_limit_per_minute: int = setting(
        "BOREAL_RATE_LIMIT_PER_MINUTE",
        "Requests a minute per organization, customer or address; 0 switches limits off.",
        _number(0, 1_000_000),
        300,
    )
    pool_size: int = setting("BOREAL_POOL_SIZE", "Connections to PostgreSQL per process.", _number(2, 500), 10)
    shared_buffers_mb: int = setting(
        "BOREAL_SHARED_BUFFERS_MB", "shared_buffers of the embedded PostgreSQL.", _number(16, 1_000_000), 512
    )
    log_level: str = setting(
        "BOREAL_LOG_LEVEL",
        "The least severe events that are logged.",
        _choice("debug", "info", "warning", "error"),
        "info",
    )
    log_format: str = setting(
        "BOREAL_LOG_FORMAT", "`text` for people, `json` for machines.", _choice("text", "json"), "text"
    )
    metrics: str = setting(
        "BOREAL_METRICS",
        "Where Prometheus finds /metrics: `off`; `on`, at the port of the API, for everybody who can reach it; or an "
        "address and port of its own such as `127.0.0.1:9464`, with /healthz and /readyz too, also for a worker.",
        _watched_at,
        "off",
    )

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """The address and port of the listener for /metrics, if it has one of its own."""
        host, _, port = self.metrics.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None

    @property
    def url(self) -> str:
        """The public base URL, without a slash at the end."""
        if self.base_url:
            return self.base_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_sandbox(self) -> bool:
        """Whether no real money moves here."""
        return self.environment == "sandbox"


def read_settings(environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """The settings of this process. `overrides` (command-line options that were given) win; None is not given.

    Raises `SettingsError` for a value that cannot be read, an unknown `BOREAL_*` variable, or a combination that
    cannot work.
    """
    known = {item.metadata["variable"]: item for item in fields(Settings)}
    for variable in environment:
        if variable.startswith("BOREAL_") and variable not in known:
            raise SettingsError(f"{variable} is not a setting of Boreal")
    values: dict[str, Any] = {}
    for variable, item in known.items():
        text = environment.get(variable, "")
        if text.strip():
            try:
                values[item.name] = item.metadata["parse"](text)
            except ValueError as wrong:
                given = "" if item.metadata["secret"] else f", not {text!r}"
                raise SettingsError(f"{variable} {wrong}{given}") from None
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    if settings.mail == "smtp" and not settings.smtp_url:
        raise SettingsError("BOREAL_SMTP_URL must be set when BOREAL_MAIL is smtp")
    if settings.storage == "s3":
        if not (settings.s3_url and settings.s3_access_key_id and settings.s3_secret_access_key):
            raise SettingsError(
                "BOREAL_S3_URL, BOREAL_S3_ACCESS_KEY_ID and BOREAL_S3_SECRET_ACCESS_KEY must be set when "
                "BOREAL_STORAGE is s3"
            )
        if not urlsplit(settings.s3_url).path.strip("/"):
            raise SettingsError("BOREAL_S3_URL must end with the name of a bucket")
    _check_stripe(settings)
    if settings.environment == "production" and settings.payments == "sandbox":
        raise SettingsError("BOREAL_PAYMENTS must not be sandbox when BOREAL_ENVIRONMENT is production")
    return settings


def _check_stripe(settings: Settings) -> None:
    """Raises `SettingsError` for a Stripe account that is not described completely, or of the wrong kind."""
    if "stripe" not in (settings.payments, settings.tax):
        return
    needed = {"BOREAL_STRIPE_SECRET_KEY": settings.stripe_secret_key}
    if settings.payments == "stripe":
        needed["BOREAL_STRIPE_PUBLISHABLE_KEY"] = settings.stripe_publishable_key
        needed["BOREAL_STRIPE_WEBHOOK_SECRET"] = settings.stripe_webhook_secret
    absent = [variable for variable, value in needed.items() if not value]
    if absent:
        raise SettingsError(f"{' and '.join(absent)} must be set to use Stripe")
    mode = "test" if settings.is_sandbox else "live"
    for variable, value in needed.items():
        if variable.endswith("_KEY") and value and f"_{mode}_" not in value:
            raise SettingsError(f"{variable} must be a {mode} key when BOREAL_ENVIRONMENT is {settings.environment}")
