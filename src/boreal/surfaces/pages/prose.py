"""Markdown that merchants write, as HTML that cannot do harm: no HTML of theirs, no pictures, no scripts in links."""

from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

MAX_CHARACTERS = 20_000
"""More is cut off: nobody reads it, and every view of a page would pay for it."""


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["image", "html_block", "html_inline"])
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("heading_open", lambda *_: "<p><strong>")
    parser.add_render_rule("heading_close", lambda *_: "</strong></p>\n")
    return parser


def _link_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """Links leave the page alone, so that nothing typed into a form is lost."""
    token = tokens[index]
    token.attrs |= {"target": "_blank", "rel": "noopener"}
    token.attrs.pop("title", None)
    rendered: str = self.renderToken(tokens, index, options, env)
    return rendered


_PARSER = _parser()


@lru_cache(maxsize=256)
def line(text: str) -> Markup:
    """One line of text: emphasis, code and links; for labels and hints."""
    return Markup(_PARSER.renderInline(text[:MAX_CHARACTERS]))


@lru_cache(maxsize=64)
def prose(text: str) -> Markup:
    """Paragraphs and lists; a heading is a strong paragraph, since it is none of the page's own outline."""
    return Markup(_PARSER.render(text[:MAX_CHARACTERS]))
