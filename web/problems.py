"""Errors as the HTTP API tells them (RFC 9457), and as pages tell them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, g, render_template
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
)

from web.language import gettext
from web.pictures.words import size
from web.reply import for_programs, json_response
from web.wording import as_sentence

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
    if not for_programs():
        told = as_sentence(detail) if detail[:1].islower() else detail
        return Response(_page(_titles().get(status, title), told), status, mimetype="text/html")
    document: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    document["instance"] = f"urn:request:{g.get('request_id', '')}"
    return json_response(document, status, mimetype="application/problem+json")


def _titles() -> dict[int, str]:
    """Return what pages call the errors that people meet."""
    return {
        400: gettext("Not understood"),
        403: gettext("Not allowed"),
        404: gettext("Not found"),
        405: gettext("Not possible here"),
        409: gettext("Already taken"),
        413: gettext("Too large"),
        422: gettext("Not understood"),
        429: gettext("Too often"),
        500: gettext("Our mistake"),
        502: gettext("Another server does not answer"),
        503: gettext("Not available just now"),
    }


def _described(error: HTTPException) -> str:
    """Return what an error says: our own sentence, or the framework's in the language of who reads it."""
    return {
        NotFound.description: gettext(
            "There is no such page. Perhaps its address was cut off, or what it showed was deleted."
        ),
        MethodNotAllowed.description: gettext("This cannot be done at this address."),
        Forbidden.description: gettext("This is not for you to see or to change."),
    }.get(error.description or "", error.description or "")


def _page(title: str, detail: str) -> str:
    try:
        return render_template("error.html", title=title, detail=detail)
    except DBAPIError:
        # The page says who is signed in: without the database, nobody is.
        g.participant = g.account = None
        return render_template("error.html", title=title, detail=detail)


def install(app: Flask) -> None:
    """Turn every error of an application into a response that says what to do."""

    @app.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        found = response(error.status, error.detail)
        found.headers.update(error.headers)
        return found

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        _LOG.info("a form was refused: %s", error.description)
        return response(
            400, gettext("This form is too old or was sent by another site. Reload the page and try again.")
        )

    @app.errorhandler(DBAPIError)
    def no_database(error: DBAPIError) -> Response:
        _LOG.error("the database is away: %s", error.orig)
        found = response(
            503, gettext("The database cannot be reached just now. Nothing was lost; try again.")
        )
        found.headers["Retry-After"] = "5"
        return found

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        most = size(app.config["MAX_CONTENT_LENGTH"])
        return response(413, gettext("This is too much: all files together may hold %(most)s.", most=most))

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> Response:
        found = response(error.code or 500, _described(error))
        for name, value in error.get_headers():
            if name.lower() not in {"content-type", "content-length"}:
                found.headers[name] = value
        return found

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Response:
        _LOG.error("an error of ours", exc_info=error)
        return response(500, gettext("This is our mistake. It was written down with the id of this request."))
