"""From data to a reply: the templates, the words and formats of the visitor, and the headers that guard a page.

The visitor's `Accept-Language` decides how money is written. The language of the sentences is the first of theirs
that has a catalogue, and days are written in that language, so that no sentence mixes two.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from boreal.kit.formats import (
    format_amount,
    format_day,
    format_moment,
    format_money,
    format_number,
    format_unit_price,
    locale_of,
)
from boreal.kit.words import Words
from boreal.surfaces.pages.assets import Assets
from boreal.surfaces.pages.exchange import PageReply, PageRequest
from boreal.surfaces.pages.prose import line, prose

_HERE = Path(__file__).parent
_COMPRESSED_FROM_BYTES = 1024

ASSETS = Assets(_HERE / "static")
WORDS = Words(_HERE / "locale")

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


@lru_cache(maxsize=64)
def _options(choices: tuple[tuple[str, str], ...], chosen: str) -> Markup:
    """The options of a list, kept: the one of all countries is the longest part of a checkout."""
    return Markup(_ENVIRONMENT.get_template("options.html").render(choices=choices, chosen=chosen))


_ENVIRONMENT.globals |= {"asset": ASSETS.address, "inline": ASSETS.inline, "options": _options}
_ENVIRONMENT.filters |= {"line": line, "prose": prose}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """What every page knows of the installation."""

    name: str = "Boreal"
    sandbox: bool = False
    tokenizer: str = "/sandbox/confirmation-tokens"


@dataclass(frozen=True, slots=True)
class Visitor:
    """How one visitor reads: sentences in `language`, days in `day_locale`, money in `money_locale`."""

    language: str
    day_locale: Locale
    money_locale: Locale

    def say(self, key: str, *, count: int | None = None, **values: object) -> str:
        """A sentence of the catalogue."""
        return WORDS.say(key, self.language, count=count, **values)

    def money(self, amount: int, currency: str) -> str:
        """Minor units as an amount with its currency."""
        return format_money(amount, currency, self.money_locale)

    def typed_amount(self, amount: int, currency: str) -> str:
        """Minor units as one would type them."""
        return format_amount(amount, currency, self.money_locale)

    def unit_price(self, amount: Decimal | str, currency: str) -> str:
        """The price of one metered unit, with every decimal."""
        return format_unit_price(amount, currency, self.money_locale)

    def number(self, number: int) -> str:
        """A whole number, grouped as the reader groups."""
        return format_number(number, self.money_locale)

    def day(self, moment: str) -> str:
        """A day written out."""
        return format_day(moment, self.day_locale)

    def moment(self, moment: str) -> str:
        """A day and the time of day, in UTC."""
        return format_moment(moment, self.day_locale)


@lru_cache(maxsize=512)
def visitor_of(accept_language: str) -> Visitor:
    """How somebody with this `Accept-Language` header reads."""
    money_locale = locale_of(accept_language)
    language = money_locale.language if money_locale.language in WORDS.languages() else "en"
    day_locale = money_locale if money_locale.language == language else Locale.parse(language)
    return Visitor(language, day_locale, money_locale)


def render(
    template: str,
    request: PageRequest,
    settings: SiteSettings,
    *,
    status: int = 200,
    inline: tuple[str, ...] = (),
    form_targets: tuple[str, ...] = (),
    embed_origin: str = "",
    **context: Any,
) -> PageReply:
    """A whole page. `inline` names the assets that it carries within itself; `form_targets` are the origins beyond
    ours that the answer to its form may send the visitor to; `embed_origin` is the only other one that may show it in a
    frame, and is told what happens there."""
    if embed_origin:
        inline = (*inline, "parent.js")
    html = _ENVIRONMENT.get_template(template).render(
        {"embed_origin": embed_origin, **_context(request, settings)}, **context
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": _policy(inline, form_targets, embed_origin),
        "cache-control": "no-store",
        "referrer-policy": "strict-origin",
        "x-content-type-options": "nosniff",
        "vary": "accept, accept-encoding, accept-language",
    }
    return _packed(PageReply(status, html.encode(), headers), request)


def render_regions(
    regions: Mapping[str, str], request: PageRequest, settings: SiteSettings, **context: Any
) -> dict[str, str]:
    """The HTML of each named region of a page, from its template."""
    shared = _context(request, settings) | context
    return {name: _ENVIRONMENT.get_template(template).render(shared) for name, template in regions.items()}


def _context(request: PageRequest, settings: SiteSettings) -> dict[str, Any]:
    visitor = visitor_of(request.headers.get("accept-language", ""))
    return {
        "request": request,
        "settings": settings,
        "visitor": visitor,
        "t": visitor.say,
        "money": visitor.money,
        "day": visitor.day,
        "theme": request.theme,
        "embedded": request.is_embedded,
        "direction": "rtl" if Locale.parse(visitor.language).character_order == "right-to-left" else "ltr",
    }


def _policy(inline: tuple[str, ...], form_targets: tuple[str, ...], embed_origin: str) -> str:
    styles = [ASSETS.policy_hash(name) for name in inline if name.endswith(".css")]
    scripts = [ASSETS.policy_hash(name) for name in inline if name.endswith(".js")]
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("style-src 'self'", *styles)),
            " ".join(("script-src 'self'", *scripts)),
            "img-src 'self' https: data:",
            "connect-src 'self'",
            "frame-src 'self'",
            " ".join(("form-action 'self'", *form_targets)),
            "base-uri 'none'",
            f"frame-ancestors 'self' {embed_origin}".strip(),
        )
    )


def _packed(reply: PageReply, request: PageRequest) -> PageReply:
    """Compressed where the visitor takes it: the first view has to fit into a few packets."""
    if len(reply.body) < _COMPRESSED_FROM_BYTES or "gzip" not in request.headers.get("accept-encoding", ""):
        return reply
    body = gzip.compress(reply.body, 4, mtime=0)
    return PageReply(reply.status, body, {**reply.headers, "content-encoding": "gzip"})
