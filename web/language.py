"""Puts pages into the language of whoever looks: which catalogues there are, and sentences from them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import flask_babel
from babel import Locale
from flask import Flask, request

from web.reply import for_programs

FOLDER: Final = Path(__file__).parent / "translations"
_SOURCE: Final = "en"  # what the sentences in the code are written in


def install(app: Flask, folder: Path) -> None:
    """Let an application speak every language that has a catalogue in a folder, and English."""
    names = sorted(path.parent.parent.name for path in folder.glob("*/LC_MESSAGES/messages.mo"))
    known = {name: Locale.parse(name) for name in dict.fromkeys([_SOURCE, *names])}

    def chosen() -> Locale:
        if len(known) == 1 or for_programs():
            return known[_SOURCE]
        return known[request.accept_languages.best_match(known, _SOURCE)]

    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(folder)
    flask_babel.Babel(app, default_locale=_SOURCE, locale_selector=chosen)
    app.jinja_env.policies["ext.i18n.trimmed"] = True


def gettext(sentence: str, /, **values: object) -> str:
    """Return a sentence in the language of the present request, with values for its ``%(name)s``."""
    return str(flask_babel.gettext(sentence, **values))


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return a sentence about so many; ``%(num)s`` in it is their number."""
    found = str(flask_babel.get_translations().ungettext(one, many, count))
    return found % {"num": grouped(count), **values}


def grouped(count: int) -> str:
    """Return a whole number as people read it: ``1,200``."""
    return str(flask_babel.numbers.format_decimal(count, locale=current()))


def current() -> Locale:
    """Return the language of the present request; English where there is none."""
    return flask_babel.get_locale() or Locale.parse(_SOURCE)


def tag(locale: Locale) -> str:
    """Return what HTML calls a language: ``pt-BR``."""
    return str(locale).replace("_", "-")
