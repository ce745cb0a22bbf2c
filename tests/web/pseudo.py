"""Languages in which every sentence stands between brackets, and what pages say outside of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from lxml import html

from web.language import FOLDER

TEMPLATE = FOLDER / "messages.pot"

OPEN, CLOSE = "⟦", "⟧"
_ATTRIBUTES = ("aria-label", "title", "placeholder", "alt", "label", "data-state")
_CODE = {"script", "style", "code", "pre", "textarea"}
_NAMES_AND_MOMENTS = {"bdi", "time"}
# The exercise's own text, its hints, and what the trail has recorded in the words of that day.
_CONTENT = ".//*[@class='text'] | .//*[@class='hints']/details/*[not(self::summary)] | .//td[@class='wrap']"
_AMOUNT = re.compile(r"\d[\d.,]*\s*(?:ms|s|B|KiB|MiB|GiB|UTC)\b")


def bracketed(sentence: str) -> str:
    """Return a sentence as this language has it."""
    return f"{OPEN}{sentence}{CLOSE}"


HOSTILE = """'"> &lt;&<b data-broken>' data-broken=' " data-broken=" </script><script data-broken>"""
"""What breaks a page that takes it for anything but words."""


def hostile(sentence: str) -> str:
    """Return a sentence as a language has it whose words mean something in HTML."""
    return f"{OPEN}{HOSTILE} {sentence} {HOSTILE}{CLOSE}"


def broken(page: str) -> list[str]:
    """Return where `hostile` words of a page have become something else than words, or are not all there."""
    tree = html.document_fromstring(page)
    born = [f"<{element.tag}> holds what was a word" for element in tree.xpath("//*[@data-broken]")]
    texts = [text for element in tree.iter(html.etree.Element) for text in element.xpath("text() | @*")]
    return born + [
        text
        for text in texts
        if text.count(OPEN) != text.count(OPEN + HOSTILE) or text.count(CLOSE) != text.count(HOSTILE + CLOSE)
    ]


def template() -> Catalog:
    """Return the messages that wait for translators."""
    with TEMPLATE.open("rb") as file:
        return read_po(file)


def write_catalogue(folder: Path, locale: str, said: Callable[[str], str] = bracketed) -> None:
    """Compile a catalogue in which every message stands between brackets."""
    with TEMPLATE.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    for message in catalogue:
        if isinstance(message.id, tuple):
            one, many = message.id
            forms = [one, *[many] * (catalogue.num_plurals - 1)]
            message.string = tuple(map(said, forms))
        elif message.id:
            message.string = said(message.id)
    place = folder / locale / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)


def untranslated(page: str, data: Collection[str]) -> list[str]:
    """Return what a page shows that is neither between brackets nor data, such as names."""
    tree = html.document_fromstring(page)
    for element in tree.xpath(_CONTENT):
        element.drop_tree()
    said = [_outside("".join(_texts(tree)))]
    for element in tree.iter(html.etree.Element):
        said += [
            _outside(value)
            for name, value in element.attrib.items()
            if name in _ATTRIBUTES or name.startswith("data-text-")
        ]
    return [text for text in said for text in text if _has_words(text, data)]


def _texts(element: html.HtmlElement) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in _CODE | _NAMES_AND_MOMENTS:
        yield "\n"
        return
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""
    yield "\n"


def _outside(text: str) -> list[str]:
    """Return the pieces of a text that stand outside of all brackets."""
    depth, pieces, piece = 0, [], ""
    for letter in f"{text}{OPEN}":
        if letter == OPEN:
            if depth == 0:
                pieces += piece.split("\n")
                piece = ""
            depth += 1
        elif letter == CLOSE:
            depth -= 1
            assert depth >= 0, text
        elif depth == 0:
            piece += letter
    assert depth == 1, f"a bracket is not closed: {text}"
    return [piece.strip() for piece in pieces if piece.strip()]


def _has_words(text: str, data: Collection[str]) -> bool:
    for known in sorted(data, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", "", text)
    return any(letter.isalpha() for letter in _AMOUNT.sub("", text))
