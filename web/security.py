"""Headers, request ids, CSRF and rate limits."""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
from functools import lru_cache
from typing import Final

import structlog
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect
from limits import RateLimitItem, parse
from limits.errors import StorageError
from werkzeug.middleware.proxy_fix import ProxyFix

from web.counts import ProcessCounts
from web.problems import Problem
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
# A Redis that is away must not hold up every request: without it, nothing is limited.
_PATIENCE: Final = {"socket_connect_timeout": 1, "socket_timeout": 1, "wrap_exceptions": True}
_REQUESTS: Final = logging.getLogger("web.request")
_LOG = structlog.get_logger("web.request")


def address() -> str:
    """Return the client's address; with trusted proxies, the one they tell."""
    return request.remote_addr or "unknown"


limiter = Limiter(key_func=address, strategy="fixed-window", swallow_errors=True)


def take_turn(rate: str, participant_id: int) -> None:
    """Count a submission of a participant, by whichever way it comes.

    Raises:
        Problem: That is one too many.
    """
    limit = _parsed(rate)
    identity = ("submissions", str(participant_id))
    try:
        if limiter.limiter.hit(limit, *identity):
            return
        reset = limiter.limiter.get_window_stats(limit, *identity).reset_time
    except StorageError as error:
        _LOG.warning("nothing is limited: the counts are away", error=str(error.storage_error))
        return
    raise Problem(
        429,
        f"too many submissions: {limit} are allowed",
        headers={"Retry-After": str(max(1, math.ceil(reset - time.time())))},
    )


@lru_cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)


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
        # Limits are counted in Redis where there is one, for all web processes together.
        RATELIMIT_STORAGE_URI=settings.redis_url or f"{ProcessCounts.STORAGE_SCHEME[0]}://",
        RATELIMIT_STORAGE_OPTIONS=_PATIENCE if settings.redis_url else {},
    )
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
    limiter.init_app(app)

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
