"""What an answer printed, read from its evidence, for instructors to look at."""

from __future__ import annotations

from grader.errors import BundleError
from grader.evidence import from_json


def printed(data: bytes) -> list[tuple[str, str]]:
    """Return each output that is not empty, with what it is called; none where nothing can be read."""
    try:
        sections = from_json(data).sections
    except BundleError:
        return []
    found = [
        ("Standard output", sections.run.stdout if sections.run else ""),
        ("Standard error", sections.run.stderr if sections.run else ""),
        ("Output of the build", sections.build.output if sections.build else ""),
    ]
    for name, probe in (sections.probes or {}).items():
        found += [(f"Probe {name}: output", probe.stdout), (f"Probe {name}: errors", probe.stderr)]
    return [(name, text) for name, text in found if text]
