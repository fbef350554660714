"""The rates that Boreal ships with: two readable tables beside this file, read once."""

import csv
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from boreal.core import taxes
from boreal.core.taxes import Rate, RateTable, Territory


def _rows(name: str) -> list[dict[str, str]]:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return list(csv.DictReader((line for line in text.splitlines() if not line.startswith("#")), strict=True))


def _basis_points(percent: str) -> int:
    """A percentage as whole basis points, which is what an order can show. Raises `ValueError` for a finer one."""
    exact = Decimal(percent) * 100
    if exact != int(exact):
        raise ValueError(f"{percent} % is no whole number of basis points")
    return int(exact)


def _rate(row: dict[str, str]) -> Rate:
    return Rate(
        place=row["place"],
        basis_points=_basis_points(row["percent"]),
        name=row["name"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
    )


@cache
def shipped_rates() -> RateTable:
    """The tables `rates.csv` and `territories.csv`. Raises `ValueError` if they are not in order."""
    territories = [
        Territory(country=row["country"], postal_code=row["postal_code"], taxed_as=row["taxed_as"] or None)
        for row in _rows("territories.csv")
    ]
    return taxes.rate_table([_rate(row) for row in _rows("rates.csv")], territories)


def rate_on(country: str, state: str | None, postal_code: str | None, day: date) -> Rate | None:
    """The rate of an address on a day; None where the shipped tables know none."""
    return taxes.rate_on(shipped_rates(), country, state, postal_code, day)
