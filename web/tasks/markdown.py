"""Renders exercises' texts: Markdown in, harmless HTML out."""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_TAGS = set(
    "a blockquote br code del em h1 h2 h3 h4 hr li ol p pre strong table tbody td th thead tr ul".split()
)


@lru_cache(maxsize=1024)
def to_html(text: str) -> Markup:
    """Return a text as HTML that holds no script, style or picture."""
    rendered = _MARKDOWN.render(text)
    clean = nh3.clean(rendered, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"})
    return Markup(clean)  # noqa: S704  it was cleaned in the line above


def body(text: str) -> str:
    """Return a text without its first heading, which pages show themselves."""
    first, _, rest = text.lstrip().partition("\n")
    return rest if first.startswith("# ") else text
