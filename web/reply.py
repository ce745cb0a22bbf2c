"""Replies that are no pages: JSON, and files to keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect


def json_response(document: Any, status: int = 200, *, mimetype: str = "application/json") -> Response:
    """Return a JSON reply that nobody stores."""
    found = Response(msgspec.json.encode(document), status, mimetype=mimetype)
    found.headers["Cache-Control"] = "no-store"
    return found


def iso(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC; `seconds` since 1970."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def download(content: bytes, name: str, mimetype: str = "application/octet-stream") -> Response:
    """Return a reply that a browser keeps as a file, whatever is in it."""
    found = Response(content, mimetype=mimetype)
    found.headers.set("Content-Disposition", "attachment", filename=name)
    return found


def to_own_page(target: str) -> Redirect:
    """Go on to where somebody wanted to go, if that is a page of ours."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    return redirect(target if ours else url_for("pages.start"))


def for_programs() -> bool:
    """Return whether the present request asks for no page, but for what programs read."""
    return request.path.startswith("/api/") or request.path in {"/healthz", "/readyz", "/openapi.json"}
