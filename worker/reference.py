"""Writes the reference of the service's settings from the settings: `python -m worker.reference`."""

from __future__ import annotations

import sys
from typing import Final

from worker.settings import ServiceSettings

_HEAD: Final = """# Settings of the service

`grader serve`, `python -m worker` and the web server read these from the environment. Each can be given as
`NAME_FILE` instead: the path of a file that holds it, as container platforms hand over secrets. Settings of
sandboxes and exercises stand [with the command line](commands.md#settings), and hold here as well.

This page is made from the code by `python -m worker.reference`.

| variable | meaning | default |
|---|---|---|
"""
# What depends on the machine is described, not shown.
_DEFAULTS: Final = {"GRADER_JOBS": "processors + 2"}


def to_markdown() -> str:
    """Return the page."""
    rows = []
    for field in ServiceSettings.model_fields.values():
        default = _DEFAULTS.get(str(field.alias)) or (f"`{field.default}`" if field.default != "" else "none")
        rows.append(f"| `{field.alias}` | {field.description} | {default} |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(to_markdown())
