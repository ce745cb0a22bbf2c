"""Errors as the HTTP API tells them (RFC 9457), and as pages tell them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from web.pictures.words import size
from web.reply import json_response

_LOG = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818  the name that RFC 9457 gives it
    """Something that the client has to know; becomes the response."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def response(status: int, detail: str) -> Response:
    """Return an error as a page or as a problem document, as the path suggests."""
    title = HTTPStatus(status).phrase
    if not _is_api():
        return Response(_page(title, detail), status, mimetype="text/html")
    document: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    document["instance"] = f"urn:request:{g.get('request_id', '')}"
    return json_response(document, status, mimetype="application/problem+json")


def _page(title: str, detail: str) -> str:
    try:
        return render_template("error.html", title=title, detail=detail)
    except DBAPIError:
        # The page says who is signed in: without the database, nobody is.
        g.participant = g.account = None
        return render_template("error.html", title=title, detail=detail)


def _is_api() -> bool:
    return request.path.startswith("/api/") or request.path in {"/healthz", "/readyz", "/openapi.json"}


def install(app: Flask) -> None:
    """Turn every error of an application into a response that says what to do."""

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        found = response(error.status, error.detail)
        found.headers.update(error.headers)
        return found

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        return response(400, f"{error.description} Reload the page and try again.")

    @app.errorhandler(DBAPIError)
    def no_database(error: DBAPIError) -> Response:
        _LOG.error("the database is away: %s", error.orig)
        found = response(503, "The database cannot be reached just now. Nothing was lost; try again.")
        found.headers["Retry-After"] = "5"
        return found

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        most = size(app.config["MAX_CONTENT_LENGTH"])
        return response(413, f"This is too much: all files together may hold {most}.")

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> Response:
        found = response(error.code or 500, error.description or "")
        for name, value in error.get_headers():
            if name.lower() not in {"content-type", "content-length"}:
                found.headers[name] = value
        return found

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Response:
        _LOG.error("an error of ours", exc_info=error)
        return response(500, "This is our mistake. It was written down with the id of this request.")
