"""Tax ids: every example of the specification, one real number or more per format, and whatever else may be typed."""

import socket
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.eu import vat

from boreal.core.tax_ids import TAX_ID_FORMATS
from boreal.rooms.customers.public import InvalidTaxId, validate_tax_id
from boreal.rooms.customers.tax_ids import EU_MEMBERS, FORMATS, VALIDATORS

# The examples of catalog spec 10.4: country, what is typed, what is stored.
SPECIFIED = [
    ("FR", "fr 619 545 060 77", "FR61954506077", "eu_vat"),
    ("ES", "B58378431", "B58378431", "es_cif"),
    ("GB", "GB980780684", "980780684", "gb_vat"),
    ("US", "91-1144442", "911144442", "us_ein"),
    ("CA", "234567899 RT0001", "234567899RT0001", "ca_gst_hst"),
    ("CA", "234567899", "234567899", "ca_bn"),
    ("AE", "104-479-084-600-003", "104479084600003", "ae_trn"),
    ("CO", "213.123.432-1", "2131234321", "co_nit"),
    ("IL", "3933742-3", "039337423", "il_vat"),
    ("FR", "DE136695976", "DE136695976", "eu_vat"),
]

LOCAL = [
    ("AD", "U-132950-X", "U132950X", "ad_nrt"),
    ("AE", "1044 7908.4600 003", "104479084600003", "ae_trn"),
    ("AR", "20-05536168-2", "20055361682", "ar_cuit"),
    ("AU", "83 914 571 673", "83914571673", "au_abn"),
    ("BR", "16.727.230/0001-97", "16727230000197", "br_cnpj"),
    ("BR", "12.ABC.345/01DE-35", "12ABC34501DE35", "br_cnpj"),
    ("BR", "390.533.447-05", "39053344705", "br_cpf"),
    ("CA", "123026635 rc 0001", "123026635RC0001", "ca_gst_hst"),
    ("CH", "CHE-100.155.212", "CHE100155212", "ch_uid"),
    ("CH", "100155212", "CHE100155212", "ch_uid"),
    ("CH", "CHE-107.787.577 IVA", "CHE107787577IVA", "ch_vat"),
    ("CL", "12.531.909-2", "125319092", "cl_tin"),
    ("CN", "91110000600037341l", "91110000600037341L", "cn_tin"),
    ("CR", "3-101-999999", "3101999999", "cr_tin"),
    ("CR", "3-0455-0175", "0304550175", "cr_tin"),
    ("CR", "155812994816", "155812994816", "cr_tin"),
    ("DO", "1-01-85004-3", "101850043", "do_rcn"),
    ("EC", "1792060346-001", "1792060346001", "ec_ruc"),
    ("EG", "100-531-385", "100531385", "eg_tin"),
    ("GB", "980 7806 84", "980780684", "gb_vat"),
    ("ID", "01.312.166.0-091.000", "013121660091000", "id_npwp"),
    ("IN", "27aapfu0939f1zv", "27AAPFU0939F1ZV", "in_gst"),
    ("IS", "IS 00621", "00621", "is_vat"),
    ("JP", "5-8356-7825-6246", "5835678256246", "jp_cn"),
    ("KE", "P051365947M", "P051365947M", "ke_pin"),
    ("KR", "116-82-00276", "1168200276", "kr_brn"),
    ("LI", "CHE-100.155.212", "CHE100155212", "li_uid"),
    ("MX", "MAB-930714-8T4", "MAB9307148T4", "mx_rfc"),
    ("MX", "gode 561231 gr8", "GODE561231GR8", "mx_rfc"),
    ("NO", "NO 995 525 828 MVA", "995525828MVA", "no_vat"),
    ("NZ", "NZ 49-098-576", "49098576", "nz_gst"),
    ("PE", "20512333797", "20512333797", "pe_ruc"),
    ("RS", "101134702", "101134702", "rs_pib"),
    ("RU", "1234567894", "1234567894", "ru_inn"),
    ("RU", "123456789047", "123456789047", "ru_inn"),
    ("SG", "197401143C", "197401143C", "sg_uen"),
    ("SG", "t01-fc-6132d", "T01FC6132D", "sg_uen"),
    ("SV", "0614-050707-104-8", "06140507071048", "sv_nit"),
    ("TH", "0-99-4-000-61772-1", "0994000617721", "th_vat"),
    ("TR", "454 053 69 20", "4540536920", "tr_tin"),
    ("TW", "00501503", "00501503", "tw_vat"),
    ("US", "91 1144442", "911144442", "us_ein"),
    ("UY", "21-100342-001-7", "211003420017", "uy_ruc"),
    ("VE", "V-11470283-4", "V114702834", "ve_rif"),
    ("VN", "0314409058-002", "0314409058002", "vn_tin"),
]

EUROPEAN = [
    ("AT", "AT U13585627", "ATU13585627", "eu_vat"),
    ("BE", "BE 428759497", "BE0428759497", "eu_vat"),
    ("BG", "BG175074752", "BG175074752", "eu_vat"),
    ("CY", "CY-10259033P", "CY10259033P", "eu_vat"),
    ("CZ", "CZ 25123891", "CZ25123891", "eu_vat"),
    ("DE", "DE 136.695.976", "DE136695976", "eu_vat"),
    ("DK", "DK 13585628", "DK13585628", "eu_vat"),
    ("EE", "EE100594102", "EE100594102", "eu_vat"),
    ("ES", "ES B-58378431", "ESB58378431", "eu_vat"),
    ("ES", "ES54362315K", "ES54362315K", "eu_vat"),
    ("FI", "FI 20774740", "FI20774740", "eu_vat"),
    ("FR", "FR 61 954 506 077", "FR61954506077", "eu_vat"),
    ("GR", "EL 094259216", "EL094259216", "eu_vat"),
    ("GR", "GR 094259216", "EL094259216", "eu_vat"),
    ("HR", "33392005961", "33392005961", "hr_oib"),
    ("HR", "HR 33392005961", "33392005961", "hr_oib"),
    ("HU", "HU-12892312", "HU12892312", "eu_vat"),
    ("IE", "IE 6433435OA", "IE6433435OA", "eu_vat"),
    ("IT", "IT 00743110157", "IT00743110157", "eu_vat"),
    ("LT", "LT119511515", "LT119511515", "eu_vat"),
    ("LU", "LU 150 274 42", "LU15027442", "eu_vat"),
    ("LV", "LV 4000 3521 600", "LV40003521600", "eu_vat"),
    ("MT", "MT 1167-9112", "MT11679112", "eu_vat"),
    ("NL", "NL4495445B01", "NL004495445B01", "eu_vat"),
    ("PL", "PL 8567346215", "PL8567346215", "eu_vat"),
    ("PT", "PT 501 964 843", "PT501964843", "eu_vat"),
    ("RO", "RO 185 472 90", "RO18547290", "eu_vat"),
    ("SE", "SE 123456789701", "SE123456789701", "eu_vat"),
    ("SI", "SI 5022 3054", "SI50223054", "eu_vat"),
    ("SK", "SK 202 274 96 19", "SK2022749619", "eu_vat"),
    ("FR", "HR33392005961", "HR33392005961", "eu_vat"),
    ("HR", "FR61954506077", "FR61954506077", "eu_vat"),
]

ACCEPTED = SPECIFIED + LOCAL + EUROPEAN


@pytest.mark.parametrize(("country", "typed", "stored", "name"), ACCEPTED)
def test_accepted(country: str, typed: str, stored: str, name: str) -> None:
    assert validate_tax_id(typed, country) == (stored, name)


WRONG_CHECK_DIGITS = [
    ("FR", "FR62954506077"),
    ("FR", "DE136695978"),
    ("ES", "B58378432"),
    ("HR", "33392005962"),
    ("GB", "GB980780685"),
    ("CA", "234567898RT0001"),
    ("CA", "234567898"),
    ("CH", "CHE-100.155.213"),
    ("CH", "CHE-107.787.578 IVA"),
    ("LI", "CHE-100.155.213"),
    ("AR", "20055361683"),
    ("AU", "83914571674"),
    ("BR", "16727230000198"),
    ("BR", "39053344706"),
    ("CL", "12531909-3"),
    ("CN", "91110000600037341M"),
    ("CO", "213.123.432-2"),
    ("DO", "101850042"),
    ("EC", "1792060347001"),
    ("ID", "013121661091000"),
    ("IL", "3933742-2"),
    ("IN", "27AAPFU0939F1ZO"),
    ("JP", "2835678256246"),
    ("NO", "995525829MVA"),
    ("NZ", "49098577"),
    ("PE", "20512333798"),
    ("RS", "101134703"),
    ("RU", "1234567895"),
    ("SG", "197401143D"),
    ("SV", "06140507071040"),
    ("TH", "0994000617722"),
    ("TR", "4540536921"),
    ("TW", "00501502"),
    ("UY", "211003420018"),
    ("VE", "V114702833"),
    ("VN", "0100233480"),
]

WRONG_FORMS = [
    ("FR", "61954506077"),  # the prefix is required
    ("FR", "GB980780684"),  # a number of no member
    ("FR", "XI980780684"),  # Northern Ireland is none either
    ("FR", "EU372022452"),  # of the one-stop shop
    ("FR", "B58378431"),  # another member's local number
    ("ES", "33392005961"),
    ("DE", "136695976"),
    ("DE", "2181508150"),  # a Steuernummer
    ("GB", "FR61954506077"),
    ("US", "07-1144442"),  # no office gives numbers that begin with 07
    ("US", "91114444"),
    ("US", "GB980780684"),
    ("CA", "234567899RT01"),
    ("CA", "234567899XX0001"),
    ("AE", "10447908460000"),
    ("AE", "1044790846000031"),
    ("AE", "10447908460000A"),
    ("AE", "104/479/084/600/003"),
    ("AD", "I706193G"),
    ("IS", "0062199"),
    ("JP", "T5835678256246"),
    ("KE", "V051365947M"),
    ("KR", "1008200276"),
    ("MX", "MAB9313148T4"),  # there is no month 13
    ("NO", "995525828"),
    ("ZA", "0001339050"),  # a number for income tax
    ("UA", "32855961"),  # a number of the business register
    ("MC", "FR61954506077"),  # no formats are known
    ("", "FR61954506077"),
    ("fr", "FR61954506077"),
    ("France", "FR61954506077"),
]


@pytest.mark.parametrize(("country", "typed"), WRONG_CHECK_DIGITS + WRONG_FORMS)
def test_refused(country: str, typed: str) -> None:
    with pytest.raises(InvalidTaxId, match=r"^Invalid tax ID\.$"):
        validate_tax_id(typed, country)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-.-",
        "EL",
        "\x00",
        "\ud800",
        "abcdefghi",
        "ABC",
        "N/A",
        "none",
        "9" * 10_000,
        "FR61954506077" * 100,
        " " * 10_000 + "FR61954506077",
    ],
    ids=lambda typed: repr(typed[:16]),
)
def test_never_a_tax_id(typed: str) -> None:
    assert {country for country in FORMATS if _verdict(typed, country)} == set()


def test_digits_of_other_widths_become_ordinary_ones() -> None:
    assert validate_tax_id("５８３５６７８２５６２４６", "JP") == ("5835678256246", "jp_cn")
    assert validate_tax_id("١٠٠–٥٣١–٣٨٥", "EG") == ("100531385", "eg_tin")


@pytest.mark.parametrize(
    ("country", "typed"),
    [
        ("BR", "١0000000000064"),  # python-stdnum alone accepts this one and the next
        ("AD", "U132950Ж"),
        ("AE", "١٠٤٤٧٩٠٨٤٦٠٠٠٠٣"),
        ("GB", "٩٨٠٧٨٠٦٨٤"),
        ("FR", "FR६१९५४५०६०७७"),
        ("US", "91114444²"),
    ],
)
def test_foreign_digits_and_letters_are_refused(country: str, typed: str) -> None:
    with pytest.raises(InvalidTaxId):
        validate_tax_id(typed, country)


def test_the_tables_cover_the_contract() -> None:
    listed = {name for names in FORMATS.values() for name in names}
    assert listed == set(TAX_ID_FORMATS) - {"eu_oss_vat"}  # the one-stop shop is of no country
    assert set(VALIDATORS) <= listed
    assert {name for *_, name in ACCEPTED} == set(VALIDATORS)
    assert {member.upper() for member in vat.MEMBER_STATES - {"xi"}} == set(EU_MEMBERS)


def test_countries_that_refuse_every_number() -> None:
    closed = {country for country, names in FORMATS.items() if not VALIDATORS.keys() & set(names)}
    assert closed == {"BH", "BO", "GE", "HK", "KZ", "MY", "NG", "OM", "PH", "SA", "UA", "ZA"}


def test_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        pytest.fail("a tax id was looked up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for _, typed, *_ in ACCEPTED:
        for country in FORMATS:
            _verdict(typed, country)


def _verdict(typed: str, country: str) -> tuple[str, str] | None:
    try:
        return validate_tax_id(typed, country)
    except InvalidTaxId:
        return None


def _edit(draw: st.DrawFn) -> str:
    """A number that exists, with up to three characters replaced, put in or taken out."""
    text = draw(st.sampled_from([typed for _, typed, *_ in ACCEPTED]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        put = draw(st.sampled_from("0123456789ABKXZ -./,:(_&Ñß٣９²\n\x00") | st.characters())
        text = text[:at] + draw(st.sampled_from([put, ""])) + text[at + draw(st.integers(0, 1)) :]
    return text


TYPED = st.text(max_size=80) | st.from_regex(r"[A-Z]{0,3}[0-9]{4,15}[A-Z]{0,4}", fullmatch=True) | st.composite(_edit)()


@settings(deadline=None)  # the first number of some countries opens a table of the library
@given(TYPED, st.sampled_from(sorted(FORMATS)))
def test_whatever_is_typed(typed: str, country: str) -> None:
    """Nothing but InvalidTaxId is raised; what is stored has a format of the country and passes again unchanged."""
    stored = _verdict(typed, country)
    if stored is not None:
        assert stored[1] in FORMATS[country]
        assert stored[0].isascii() or "Ñ" in stored[0]
        assert validate_tax_id(stored[0], country) == stored


@settings(deadline=None)
@given(st.sampled_from(ACCEPTED), st.data())
def test_separators_do_not_matter(example: tuple[str, str, str, str], data: st.DataObject) -> None:
    country, _, stored, name = example
    gaps = data.draw(st.lists(st.sampled_from(["", "", " ", "-", ".", "–", "\u00a0", "\t"]), min_size=len(stored)))
    spaced = "".join(gap + character for gap, character in zip(gaps, stored, strict=False))
    assert validate_tax_id(spaced.lower(), country) == (stored, name)
