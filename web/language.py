"""Puts pages into the language of whoever looks: which catalogues there are, and sentences from them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

import flask_babel
from babel import Locale, negotiate_locale
from babel.numbers import format_decimal
from babel.support import NullTranslations
from flask import Flask, g, request
from markupsafe import Markup, escape

from web.reply import for_programs

FOLDER: Final = Path(__file__).parent / "translations"
_TAG: Final = re.compile(r"(</?[a-z][^<>]*>)")
_REMEMBERED: Final = 10_000  # sentences: all of some ten languages
_SOURCE: Final = "en"  # what the sentences in the code are written in


def install(app: Flask, folder: Path) -> None:
    """Let an application speak every language that has a catalogue in a folder, and English."""
    names = sorted(path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.mo"))
    known = {name: Locale.parse(name) for name in dict.fromkeys([_SOURCE, *names])}

    def chosen() -> Locale:
        if len(known) == 1 or for_programs():
            return known[_SOURCE]
        # A language comes before a dialect of one that is liked less: he-IL, en;q=0.5 is Hebrew.
        wanted = [name.replace("-", "_") for name, liking in request.accept_languages if liking > 0]
        return known[negotiate_locale(wanted, known) or _SOURCE]

    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(folder)
    flask_babel.Babel(app, default_locale=_SOURCE, locale_selector=chosen)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda sentence: _words(_catalogue().ugettext(sentence), sentence),
        lambda one, many, count: _words(_catalogue().ungettext(one, many, count), one, many),
        newstyle=True,
    )


@lru_cache(_REMEMBERED)
def _words(translation: str, *sources: str) -> Markup:
    """Return a translation for a template, in which only what is a tag in its source is one.

    Else a quote in any language would end an attribute: Jinja takes what catalogues say for HTML.
    """
    tags = {tag for source in sources for tag in _TAG.findall(source)}
    return Markup().join(
        Markup(piece) if piece in tags else escape(piece)  # noqa: S704  it stands so in a template of ours
        for piece in _TAG.split(translation)
    )


def _catalogue() -> NullTranslations:
    """Return the catalogue of the present request, found once: pages have hundreds of sentences."""
    found: NullTranslations | None = g.get("catalogue") if g else None
    if found is None:
        found = cast(NullTranslations, flask_babel.get_translations())
        if g:
            g.catalogue = found
    return found


def gettext(sentence: str, /, **values: object) -> str:
    """Return a sentence in the language of the present request, with values for its ``%(name)s``."""
    found = _catalogue().ugettext(sentence)
    return found % values if values else found


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return a sentence about so many; ``%(num)s`` in it is their number."""
    found = _catalogue().ungettext(one, many, count)
    if "%(num)s" in found:
        values["num"] = grouped(count)
    return found % values


def grouped(count: int) -> str:
    """Return a whole number as people read it: ``1,200``."""
    return str(count) if -1000 < count < 1000 else format_decimal(count, locale=current())


def current() -> Locale:
    """Return the language of the present request; English where there is none."""
    return flask_babel.get_locale() or Locale.parse(_SOURCE)


def tag(locale: Locale) -> str:
    """Return what HTML calls a language: ``pt-BR``."""
    return str(locale).replace("_", "-")
