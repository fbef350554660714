"""Countries to choose from, and the states and provinces that an address in the United States or Canada needs."""

from functools import lru_cache
from types import MappingProxyType

from babel import Locale

from boreal.core.countries import BLOCKED_COUNTRY_CODES, COUNTRY_CODES

_UNITED_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
_CANADA = {
    "AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NB": "New Brunswick",
    "NL": "Newfoundland and Labrador", "NS": "Nova Scotia", "ON": "Ontario", "PE": "Prince Edward Island",
    "QC": "Quebec", "SK": "Saskatchewan",
}  # fmt: skip

STATES = MappingProxyType(
    {
        "US": tuple((f"US-{code}", name) for code, name in _UNITED_STATES.items()),
        "CA": tuple((f"CA-{code}", name) for code, name in _CANADA.items()),
    }
)
"""Per country whose states are a closed list: code and name, in alphabetical order (catalog spec 6.6)."""


@lru_cache(maxsize=32)
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Code and name of every country that can be sold to, sorted by the name in `language`."""
    names = Locale.parse(language).territories
    offered = ((code, names.get(code, code)) for code in COUNTRY_CODES if code not in BLOCKED_COUNTRY_CODES)
    return tuple(sorted(offered, key=lambda country: _sortable(country[1])))


def _sortable(name: str) -> str:
    """So that Åland stands with the letter A."""
    return name.translate(str.maketrans("ÅÇÉÍÔ", "ACEIO")).casefold()
