"""Postal addresses on the wire: as stored, and as somebody sends them (catalog spec 6.6, usage spec 12.1)."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from boreal.core.countries import CountryAlpha2, CountryAlpha2Input
from boreal.kit.schemas import EmptyToNone, Schema

_LISTED_STATES = """
    AL AK AZ AR CA CO CT DC DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY
"""
US_STATES = frozenset(_LISTED_STATES.split())
"""The 50 states and DC; territories are countries of their own."""

CA_PROVINCES = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "ON", "PE", "QC", "SK"})
"""The provinces of Canada; its territories are refused (catalog spec 6.6)."""

_SUBDIVISIONS = {
    CountryAlpha2Input("US"): (US_STATES, "Invalid US state"),
    CountryAlpha2Input("CA"): (CA_PROVINCES, "Invalid CA province"),
}


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Address(Schema):
    """An address as stored; states of the US and provinces of Canada carry their country's prefix."""

    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: CountryAlpha2


class AddressInput(Schema):
    """A new address: trimmed, blanks null, country in upper case, none of the blocked countries."""

    line1: EmptyToNone = None
    line2: EmptyToNone = None
    postal_code: EmptyToNone = None
    city: EmptyToNone = None
    state: EmptyToNone = None
    country: Annotated[CountryAlpha2Input, BeforeValidator(_upper)]

    @model_validator(mode="after")
    def has_known_state(self) -> Self:
        """Gives a US state or Canadian province its prefix (`NY` is `US-NY`) and refuses an unknown one."""
        if self.state is not None and self.country in _SUBDIVISIONS:
            known, message = _SUBDIVISIONS[self.country]
            code = self.state.upper().removeprefix(f"{self.country}-")
            if code not in known:
                raise ValueError(message)
            self.state = f"{self.country}-{code}"
        return self
