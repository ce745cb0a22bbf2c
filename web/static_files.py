"""Style sheets and scripts: kept by browsers for long, and fetched again once they change."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from flask import Flask

_KEPT: Final = timedelta(days=365)


def install(app: Flask) -> None:
    """Give the address of every static file a part that changes with its content."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _KEPT
    folder = Path(app.static_folder or "")
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in folder.iterdir()
        if path.is_file()
    }

    @app.url_defaults
    def with_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            values["v"] = digests.get(values.get("filename", ""))
