"""Tax ids as Stripe wants them spelled: we keep numbers without the separators that some of its formats need."""

import re

_SPELLINGS: dict[str, tuple[str, str]] = {
    "br_cnpj": (r"(..)(...)(...)(....)(..)", r"\1.\2.\3/\4-\5"),
    "br_cpf": (r"(...)(...)(...)(..)", r"\1.\2.\3-\4"),
    "ch_uid": (r"(?:CHE)?(...)(...)(...)", r"CHE-\1.\2.\3"),
    "ch_vat": (r"(?:CHE)?(...)(...)(...)(?:MWST|TVA|IVA|TPV)?", r"CHE-\1.\2.\3 MWST"),
    "gb_vat": (r"(?:GB)?(.+)", r"GB\1"),
    "kr_brn": (r"(...)(..)(.....)", r"\1-\2-\3"),
    "no_vat": (r"(.........)(?:MVA)?", r"\1MVA"),
    "us_ein": (r"(..)(.......)", r"\1-\2"),
}


def spelled(number: str, format: str) -> str:
    """The number as an invoice of its country shows it; one that Stripe takes as it is stays so.

    >>> spelled("911144442", "us_ein"), spelled("980780684", "gb_vat"), spelled("FR61954506077", "eu_vat")
    ('91-1144442', 'GB980780684', 'FR61954506077')
    >>> spelled("CHE100155212", "ch_uid"), spelled("16727230000197", "br_cnpj")
    ('CHE-100.155.212', '16.727.230/0001-97')
    """
    pattern, shape = _SPELLINGS.get(format, (r"(.*)", r"\1"))
    found = re.fullmatch(pattern, number)
    return found.expand(shape) if found else number
