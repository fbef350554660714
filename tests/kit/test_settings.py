"""Settings: read from the environment, checked, and refused in one line that names the variable."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from boreal.kit.settings import Settings, SettingsError, read_settings


def test_without_an_environment_there_are_defaults() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.url, settings.is_sandbox) == ("http://127.0.0.1:8000", True)
    assert (settings.database_url, settings.rate_limit_per_minute) == (None, 300)


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("DATABASE_URL", "postgresql://ada:secret@db/boreal", "database_url", "postgresql://ada:secret@db/boreal"),
        ("DATABASE_URL", "postgresql://a:1,b:2/x?target_session_attrs=primary", "database_url", None),
        ("DATABASE_URL", "postgres:///x?host=/run/postgresql", "database_url", None),
        ("BOREAL_DATA_DIR", "/srv/boreal", "data_dir", Path("/srv/boreal")),
        ("BOREAL_PORT", "0", "port", 0),
        ("BOREAL_PORT", " 65535 ", "port", 65535),
        ("BOREAL_BASE_URL", "https://pay.example.com/", "base_url", "https://pay.example.com"),
        ("BOREAL_BASE_URL", "http://[::1]:8000", "base_url", "http://[::1]:8000"),
        (
            "BOREAL_FIRST_PARTY_ORIGINS",
            " https://a.test ,,https://b.test",
            "first_party_origins",
            ("https://a.test", "https://b.test"),
        ),
        ("BOREAL_WEBHOOK_ALLOWED_HOSTS", ",", "webhook_allowed_hosts", ()),
        ("BOREAL_RATE_LIMIT_PER_MINUTE", "0", "rate_limit_per_minute", 0),
        ("BOREAL_LOG_FORMAT", "json", "log_format", "json"),
        ("BOREAL_PORT", "", "port", 8000),
        ("BOREAL_PORT", "  ", "port", 8000),
    ],
)
def test_a_value_is_read(variable: str, text: str, name: str, value: Any) -> None:
    assert getattr(read_settings({variable: text}), name) == (text if value is None else value)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("DATABASE_URL", "mysql://db/boreal", "must be a URL beginning with postgresql://"),
        ("BOREAL_PORT", "eight", "must be a whole number from 0 to 65535, not 'eight'"),
        ("BOREAL_PORT", "65536", "must be a whole number from 0 to 65535, not '65536'"),
        ("BOREAL_PORT", "-1", "must be a whole number from 0 to 65535, not '-1'"),
        ("BOREAL_PORT", "80.0", "must be a whole number from 0 to 65535, not '80.0'"),
        ("BOREAL_POOL_SIZE", "1", "must be a whole number from 2 to 500, not '1'"),
        (
            "BOREAL_BASE_URL",
            "pay.example.com",
            "must be a URL beginning with http:// or https://, not 'pay.example.com'",
        ),
        ("BOREAL_BASE_URL", "https://", "must be a URL beginning with http:// or https://, not 'https://'"),
        ("BOREAL_BASE_URL", "https:pay", "must be a URL beginning with http:// or https://, not 'https:pay'"),
        ("BOREAL_BASE_URL", "http://[::1", "must be a URL beginning with http:// or https://, not 'http://[::1'"),
        ("BOREAL_BASE_URL", "http://a:99999", "must be a URL beginning with http:// or https://, not 'http://a:99999'"),
        ("BOREAL_SMTP_URL", "mail.example.com", "must be a URL beginning with smtp:// or smtps://"),
        ("BOREAL_ENVIRONMENT", "test", "must be one of sandbox, production, not 'test'"),
        ("BOREAL_LOG_LEVEL", "INFO", "must be one of debug, info, warning, error, not 'INFO'"),
        ("BOREAL_METRICS", "9464", "must be off, on, or an address and port such as 127.0.0.1:9464, not '9464'"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(variable: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({variable: text})
    assert str(refused.value) == f"{variable} {words}"


def test_a_variable_that_does_not_exist_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^BOREAL_PROT is not a setting of Boreal$"):
        read_settings({"BOREAL_PROT": "1", "PATH": "/bin", "OTHER_BOREAL_THING": "x"})


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BOREAL_MAIL": "smtp"}, "BOREAL_SMTP_URL must be set when BOREAL_MAIL is smtp"),
        (
            {"BOREAL_ENVIRONMENT": "production"},
            "BOREAL_PAYMENTS must not be sandbox when BOREAL_ENVIRONMENT is production",
        ),
    ],
)
def test_combinations_that_cannot_work(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=f"^{words}$"):
        read_settings(environment)


def test_options_of_the_command_line_win_if_they_were_given() -> None:
    environment = {"BOREAL_PORT": "9000", "BOREAL_HOST": "0.0.0.0"}
    settings = read_settings(environment, port=0, host=None)
    assert (settings.port, settings.host) == (0, "0.0.0.0")


@pytest.mark.parametrize("variable", ["DATABASE_URL", "BOREAL_SMTP_URL"])
def test_a_password_is_never_shown(variable: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({variable: "ftp://ada:hush@example.com"})
    assert "hush" not in str(refused.value)
    scheme = "postgresql" if variable == "DATABASE_URL" else "smtp"
    assert "hush" not in repr(read_settings({variable: f"{scheme}://ada:hush@example.com"}))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("fe80::1", "http://[fe80::1]:8000"),
        ("pay.internal", "http://pay.internal:8000"),
    ],
)
def test_the_address_of_a_server_that_was_told_none(host: str, url: str) -> None:
    assert Settings(host=host).url == url
    assert Settings(host=host, base_url="https://pay.example.com").url == "https://pay.example.com"


def test_every_setting_explains_itself() -> None:
    for item in fields(Settings):
        variable, help = item.metadata["variable"], item.metadata["help"]
        assert variable == "DATABASE_URL" or variable == f"BOREAL_{item.name.upper()}"
        assert help.endswith(".")
