"""The files that browsers are given."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_licence_of_everything_in_the_editor_lies_beside_it() -> None:
    static = ROOT / "web/static"
    licences = (static / "editor.licences.txt").read_text()
    locked = json.loads((ROOT / "web/editor/package-lock.json").read_text())["packages"]
    bundled = {path: found for path, found in locked.items() if path and not found.get("dev")}
    assert len(bundled) > 5
    missing = [
        path
        for path, found in bundled.items()
        if f"{path.rpartition('node_modules/')[2]} {found['version']} ({found['license']})" not in licences
    ]
    # The parser that other languages would need is no part of the bundle.
    assert missing == ["node_modules/@lezer/lr"]
    assert "editor.licences.txt" in (static / "editor.js").read_text()[:200]
