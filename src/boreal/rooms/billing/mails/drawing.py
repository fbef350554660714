"""Drawing mails: from sentences and a template to a subject, HTML and text.

MJML turns a template into HTML that mail programs understand; the style sheet within follows the reader's dark mode
where they support it. The text version carries the same facts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from mjml import mjml2html

from boreal.kit.words import Words

_HERE = Path(__file__).parent
_WORDS = Words(_HERE / "locale")
say = _WORDS.say
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=lambda name: name is not None and ".mjml" in name,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail without its addresses. `subject` is one line."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill. `kind` is `item`, `plain` or `total`."""

    label: str
    value: str
    kind: str = "plain"


def draw(template: str, *, subject: str, **context: Any) -> RenderedMail:
    """The mail that the two templates of this name make of what there is to say."""
    one_line = " ".join(subject.split())
    mjml = _ENVIRONMENT.get_template(f"{template}.mjml.j2").render(t=say, subject=one_line, **context)
    html = mjml2html(mjml, fonts={})  # a mail loads nothing, also not the web fonts that MJML knows by name
    text = _ENVIRONMENT.get_template(f"{template}.txt.j2").render(t=say, **context)
    return RenderedMail(one_line, html, text)
