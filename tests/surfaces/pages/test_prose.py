"""What becomes of the Markdown of merchants, and of what is no Markdown."""

import pytest

from boreal.surfaces.pages.prose import MAX_CHARACTERS, line, prose

LINK = 'href="https://shop.example" target="_blank" rel="noopener"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("I accept the **[terms](https://shop.example)**", f"I accept the <strong><a {LINK}>terms</a></strong>"),
        ('[a](https://shop.example "title")', f"<a {LINK}>a</a>"),
        ("a *b* `c` snake_case_name", "a <em>b</em> <code>c</code> snake_case_name"),
        ("1 < 2 & <b onclick=x>3</b>", "1 &lt; 2 &amp; &lt;b onclick=x&gt;3&lt;/b&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](data:text/html,x)", "[x](data:text/html,x)"),
        ("<https://shop.example>", f"<a {LINK}>https://shop.example</a>"),
        ('"><script>', "&quot;&gt;&lt;script&gt;"),
    ],
)
def test_a_line(text, html):
    assert line(text) == html


def test_pictures_are_links():
    assert "<img" not in line("![a](https://shop.example/a.png)")


def test_paragraphs_lists_and_headings():
    assert prose("# Maps\n\ntwo\nlines\n\n- a\n- b\n\n<hr>") == (
        "<p><strong>Maps</strong></p>\n<p>two<br>\nlines</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>&lt;hr&gt;</p>\n"
    ).replace("<br>", "<br />")


@pytest.mark.parametrize("bit", ["*a", "[", "> ", "`", "- ", "**[a](", "![", "&", "<"])
def test_what_is_too_long_or_nested_is_bounded(bit):
    assert len(prose(bit * 100_000)) < 40 * MAX_CHARACTERS
