"""A database for the tests of one module."""

from tests.kit.conftest import kit_dsn

__all__ = ["kit_dsn"]
