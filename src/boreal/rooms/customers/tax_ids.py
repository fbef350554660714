"""Tax ids: which formats a country's buyers may give, and whether a number really has one of them.

A buyer types a number and we know the billing country. The formats of that country are tried in order, and the first
whose structure and check digits accept the number wins; stored are the number in its normal form and that format.
Nothing is looked up anywhere: a number that passes may still belong to nobody.

Both tables are complete over the contract's formats. A format without a validator, because python-stdnum does not know
it, is listed for its country and never accepted; so a country that has no other refuses every number.
"""

import re
from collections.abc import Callable

from stdnum.ad import nrt as ad_nrt
from stdnum.ar import cuit as ar_cuit
from stdnum.au import abn as au_abn
from stdnum.br import cnpj as br_cnpj
from stdnum.br import cpf as br_cpf
from stdnum.ca import bn as ca_bn
from stdnum.ch import uid as ch_uid
from stdnum.ch import vat as ch_vat
from stdnum.cl import rut as cl_rut
from stdnum.cn import uscc as cn_uscc
from stdnum.co import nit as co_nit
from stdnum.cr import cpf as cr_cpf
from stdnum.cr import cpj as cr_cpj
from stdnum.cr import cr as cr_dimex
from stdnum.do import rnc as do_rnc
from stdnum.ec import ruc as ec_ruc
from stdnum.eg import tn as eg_tn
from stdnum.es import cif as es_cif
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from stdnum.hr import oib as hr_oib
from stdnum.id import npwp as id_npwp
from stdnum.il import idnr as il_idnr
from stdnum.in_ import gstin as in_gstin
from stdnum.is_ import vsk as is_vsk
from stdnum.jp import cn as jp_cn
from stdnum.ke import pin as ke_pin
from stdnum.kr import brn as kr_brn
from stdnum.mx import rfc as mx_rfc
from stdnum.no import mva as no_mva
from stdnum.nz import ird as nz_ird
from stdnum.pe import ruc as pe_ruc
from stdnum.rs import pib as rs_pib
from stdnum.ru import inn as ru_inn
from stdnum.sg import uen as sg_uen
from stdnum.sv import nit as sv_nit
from stdnum.th import tin as th_tin
from stdnum.tr import vkn as tr_vkn
from stdnum.tw import ubn as tw_ubn
from stdnum.us import ein as us_ein
from stdnum.util import clean
from stdnum.uy import rut as uy_rut
from stdnum.ve import rif as ve_rif
from stdnum.vn import mst as vn_mst

Validator = Callable[[str], str]
"""Takes a number without separators, gives its normal form. Raises ValueError or LookupError if it is none."""

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_MEMBERS = tuple(_MEMBERS.split())

_LOCAL_FORMATS = {
    "AD": "ad_nrt",
    "AE": "ae_trn",
    "AR": "ar_cuit",
    "AU": "au_abn au_arn",
    "BG": "bg_uic",
    "BH": "bh_vat",
    "BO": "bo_tin",
    "BR": "br_cnpj br_cpf",
    "CA": "ca_gst_hst ca_bn ca_pst_bc ca_pst_mb ca_pst_sk ca_qst",
    "CH": "ch_uid ch_vat",
    "CL": "cl_tin",
    "CN": "cn_tin",
    "CO": "co_nit",
    "CR": "cr_tin",
    "DE": "de_stn",
    "DO": "do_rcn",
    "EC": "ec_ruc",
    "EG": "eg_tin",
    "ES": "es_cif",
    "GB": "gb_vat",
    "GE": "ge_vat",
    "HK": "hk_br",
    "HR": "hr_oib",
    "HU": "hu_tin",
    "ID": "id_npwp",
    "IL": "il_vat",
    "IN": "in_gst",
    "IS": "is_vat",
    "JP": "jp_cn jp_rn jp_trn",
    "KE": "ke_pin",
    "KR": "kr_brn",
    "KZ": "kz_bin",
    "LI": "li_uid",
    "MX": "mx_rfc",
    "MY": "my_frp my_itn my_sst",
    "NG": "ng_tin",
    "NO": "no_vat no_voec",
    "NZ": "nz_gst",
    "OM": "om_vat",
    "PE": "pe_ruc",
    "PH": "ph_tin",
    "RO": "ro_tin",
    "RS": "rs_pib",
    "RU": "ru_inn ru_kpp",
    "SA": "sa_vat",
    "SG": "sg_uen sg_gst",
    "SI": "si_tin",
    "SV": "sv_nit",
    "TH": "th_vat",
    "TR": "tr_tin",
    "TW": "tw_vat",
    "UA": "ua_vat",
    "US": "us_ein",
    "UY": "uy_ruc",
    "VE": "ve_rif",
    "VN": "vn_tin",
    "ZA": "za_vat",
}

FORMATS = {
    country: (*_LOCAL_FORMATS.get(country, "").split(), *(("eu_vat",) if country in EU_MEMBERS else ()))
    for country in sorted({*_LOCAL_FORMATS, *EU_MEMBERS})
}
"""Country (ISO 3166 alpha-2) to the formats of its tax ids, in the order of trying (catalog spec 10.4)."""


class InvalidTaxId(ValueError):
    """The number is no tax id of the country."""


def _ae_trn(number: str) -> str:
    if not re.fullmatch("[0-9]{15}", number):
        raise InvalidTaxId
    return number


def _ca_gst_hst(number: str) -> str:
    if len(number) != 15:
        raise InvalidTaxId
    return ca_bn.validate(number)


def _cr_tin(number: str) -> str:
    """A legal entity, a citizen or a foreign resident: each has cards of its own kind, used for taxes too."""
    for module in (cr_cpj, cr_cpf, cr_dimex):
        if module.is_valid(number):
            return module.validate(number)
    raise InvalidTaxId


def _eu_vat(number: str) -> str:
    """A number of any member, with its prefix; Greece's is EL, and the country's code instead is a known slip.

    python-stdnum alone would also take numbers of Northern Ireland and of the one-stop shop.
    """
    country = "GR" if number[:2] == "EL" else number[:2]
    if country not in EU_MEMBERS:
        raise InvalidTaxId
    return eu_vat.validate(("EL" if country == "GR" else country) + number[2:])


VALIDATORS: dict[str, Validator] = {
    "ad_nrt": ad_nrt.validate,
    "ae_trn": _ae_trn,
    "ar_cuit": ar_cuit.validate,
    "au_abn": au_abn.validate,
    "br_cnpj": br_cnpj.validate,
    "br_cpf": br_cpf.validate,
    "ca_bn": ca_bn.validate,
    "ca_gst_hst": _ca_gst_hst,
    "ch_uid": ch_uid.validate,
    "ch_vat": ch_vat.validate,
    "cl_tin": cl_rut.validate,
    "cn_tin": cn_uscc.validate,
    "co_nit": co_nit.validate,
    "cr_tin": _cr_tin,
    "do_rcn": do_rnc.validate,
    "ec_ruc": ec_ruc.validate,
    "eg_tin": eg_tn.validate,
    "es_cif": es_cif.validate,
    "eu_vat": _eu_vat,
    "gb_vat": gb_vat.validate,
    "hr_oib": hr_oib.validate,
    "id_npwp": id_npwp.validate,
    "il_vat": il_idnr.validate,
    "in_gst": in_gstin.validate,
    "is_vat": is_vsk.validate,
    "jp_cn": jp_cn.validate,
    "ke_pin": ke_pin.validate,
    "kr_brn": kr_brn.validate,
    "li_uid": ch_uid.validate,  # Liechtenstein's companies have numbers of the Swiss register
    "mx_rfc": mx_rfc.validate,
    "no_vat": no_mva.validate,
    "nz_gst": nz_ird.validate,
    "pe_ruc": pe_ruc.validate,
    "rs_pib": rs_pib.validate,
    "ru_inn": ru_inn.validate,
    "sg_uen": sg_uen.validate,
    "sv_nit": sv_nit.validate,
    "th_vat": th_tin.validate,
    "tr_tin": tr_vkn.validate,
    "tw_vat": tw_ubn.validate,
    "us_ein": us_ein.validate,
    "uy_ruc": uy_rut.validate,
    "ve_rif": ve_rif.validate,
    "vn_tin": vn_mst.validate,
}
"""Format to its check. The VAT numbers of Ukraine and South Africa have none: python-stdnum knows only other numbers of
these countries. The local numbers of EU members other than Spain and Croatia have none by catalog spec 10.4."""

_LONGEST_INPUT = 64

# Some checks also pass digits and letters of other scripts, which no authority would recognise.
_NORMAL_FORM = re.compile("[0-9A-ZÑ&]+")  # the last two occur in Mexico


def validate_tax_id(number: str, country: str) -> tuple[str, str]:
    """The number in normal form and the value of its format: ("FR61954506077", "eu_vat").

    `number` may have spaces, dashes, dots and small letters; `country` is an ISO 3166 alpha-2 code. Raises
    `InvalidTaxId` if no format of the country accepts it, so always for a country without a usable format
    (catalog spec 6.7, 10.4).
    """
    if len(number) > _LONGEST_INPUT:
        raise InvalidTaxId("Invalid tax ID.")
    bare = "".join(clean(number, "-.").split()).upper()
    for name in FORMATS.get(country, ()):
        normal = _normal_form(bare, name)
        if normal is not None:
            return normal, name
    raise InvalidTaxId("Invalid tax ID.")


def _normal_form(bare: str, name: str) -> str | None:
    """The number as its format writes it, or None if the format refuses or has no check."""
    check = VALIDATORS.get(name)
    if check is None:
        return None
    try:
        normal = check(bare)
    except (ValueError, LookupError):
        return None
    return normal if _NORMAL_FORM.fullmatch(normal) else None
