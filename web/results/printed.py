"""What builds and probes printed, read from evidence, for staff to look at."""

from __future__ import annotations

from typing import Final

from grader.errors import BundleError
from grader.evidence import from_json
from web.language import gettext
from web.results.fitting import Fitted, Room

_BYTES: Final = 60_000  # of all of it on a page
_CHARACTERS: Final = 20_000


def printed(data: bytes) -> list[tuple[str, Fitted]]:
    """Return each output that is not empty, with what it is called; none where nothing can be read."""
    try:
        sections = from_json(data).sections
    except BundleError:
        return []
    found = [
        (gettext("Output of the setup"), sections.setup.stdout if sections.setup else ""),
        (gettext("Output of the build"), sections.build.output if sections.build else ""),
    ]
    for name, probe in (sections.probes or {}).items():
        found += [
            (gettext("Probe %(name)s: output", name=name), probe.stdout),
            (gettext("Probe %(name)s: errors", name=name), probe.stderr),
        ]
    room = Room(_BYTES)
    return [(name, room.fit(text, _CHARACTERS)) for name, text in found if text]
