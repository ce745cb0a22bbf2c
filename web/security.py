"""Headers, request ids and CSRF."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

import structlog
from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer
from werkzeug.middleware.proxy_fix import ProxyFix

from worker import logs
from worker.settings import ServiceSettings

csrf = CSRFProtect()

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_REQUESTS: Final = logging.getLogger("web.request")
_LOG = structlog.get_logger("web.request")


class _Sessions(SecureCookieSessionInterface):
    """Flask's own, but for what it would make anew twice for each request."""

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs cookies; the key does not change while a process runs."""
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer


def install(app: Flask, settings: ServiceSettings, session_key: str) -> None:
    """Secure an application."""
    secure = settings.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=session_key,
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=settings.max_upload_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_upload_bytes,
        MAX_FORM_PARTS=500,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=secure,
    )
    app.session_interface = _Sessions()
    if settings.trusted_hops:
        hops = settings.trusted_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        g.began = time.perf_counter()
        logs.bound(request_id=g.request_id)

    headers = [*_HEADERS.items()]
    if secure:
        headers.append(("Strict-Transport-Security", "max-age=31536000"))

    csrf.init_app(app)  # after `begin`: a request that is refused has an id as well

    @app.after_request
    def end(response: Response) -> Response:
        response.headers.extend(headers)  # nothing else sets these
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers["X-Request-Id"] = g.get("request_id", "")
            if _REQUESTS.isEnabledFor(logging.DEBUG):
                _LOG.debug(
                    "request",
                    method=request.method,
                    path=request.path,
                    status=response.status_code,
                    ms=round((time.perf_counter() - g.get("began", 0.0)) * 1000, 1),
                )
        logs.unbound()
        return response
