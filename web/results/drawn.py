"""Keeps the pictures of evidence that was looked at lately: the same verdict is looked at again and again."""

from __future__ import annotations

import logging
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import get_template_attribute
from markupsafe import Markup

from web.language import current, gettext
from web.pictures import Pictures, draw
from web.results.fitting import Room

_MOST: Final = 128
_LARGEST_HTML: Final = 90_000  # of all pictures of a page
_OUTPUT_BYTES: Final = 16_000
_OUTPUT_CHARACTERS: Final = 6_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the evidence of one verdict gives to see.

    Attributes:
        printed: Whether the answer printed anything.
    """

    html: str = ""
    printed: bool = False


class Drawn:
    """The last few pictures by evidence and language, as HTML that is the same for everybody."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Shown] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str, load: Callable[[str], bytes | None]) -> Shown:
        """Return the pictures of evidence, drawn if need be; `load` gives its JSON."""
        key = digest, str(current())
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        pictures = _draw(digest, load)
        run = pictures.output
        found = Shown(to_html(pictures), run is not None and bool(run.stdout or run.stderr))
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found


def _draw(digest: str, load: Callable[[str], bytes | None]) -> Pictures:
    try:
        data = load(digest)
    except zlib.error:
        _LOG.exception("evidence %s cannot be unpacked", digest)
        return Pictures(trouble=gettext("The evidence was kept, but cannot be read any more."))
    return Pictures() if data is None else draw(data)


def to_html(pictures: Pictures) -> Markup:
    """Return pictures as HTML; those that would make the page too long are left out, and said to be."""
    if not pictures:
        return Markup()
    parts: list[Markup] = []
    room = _LARGEST_HTML
    left_out: list[str] = []
    names = {
        "memory": gettext("memory"),
        "tree": gettext("processes"),
        "layers": gettext("layers"),
        "events": gettext("events"),
    }
    for name in names:
        if (picture := getattr(pictures, name)) is None:
            continue
        part: Markup = get_template_attribute("pictures.html", f"{name}_section")(picture)
        size = len(part.encode())
        if size > room:
            left_out.append(names[name])
            continue
        room -= size
        parts.append(part)
    section: Markup = get_template_attribute("pictures.html", "section")(
        parts, pictures.trouble, left_out, _output(pictures)
    )
    return section


def _output(pictures: Pictures) -> list[tuple[str, str, int]]:
    """Return the streams with something in them: name, beginning, and how many characters are left out."""
    if pictures.output is None:
        return []
    share = Room(_OUTPUT_BYTES)
    streams = (
        (gettext("standard output"), pictures.output.stdout),
        (gettext("standard error"), pictures.output.stderr),
    )
    fitted = [(name, share.fit(text, _OUTPUT_CHARACTERS)) for name, text in streams if text]
    return [(name, one.text, one.left_out) for name, one in fitted]
