"""Rate limits: how often one address, or one participant, may do the same again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, request
from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter

from web.counts import ProcessCounts
from web.language import gettext
from web.problems import Problem
from web.services import services
from web.shared_counts import SharedCounts
from worker.settings import ServiceSettings

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def install(app: Flask, settings: ServiceSettings) -> None:
    """Begin to count: where there is a Redis, for all web processes together."""
    counts = SharedCounts(settings.redis_url) if settings.redis_url else ProcessCounts()
    app.extensions["rates"] = FixedWindowRateLimiter(counts)


def take_turn(what: str, rate: str, who: str) -> None:
    """Count that somebody does something.

    Args:
        what: Is done; each is counted for itself.
        rate: How often that is allowed, as in ``60/minute``.
        who: Does it.

    Raises:
        Problem: That is once too often.
    """
    limit = _parsed(rate)
    counting: FixedWindowRateLimiter = current_app.extensions["rates"]
    if counting.hit(limit, what, who):
        return
    reset = counting.get_window_stats(limit, what, who).reset_time
    raise Problem(
        429,
        gettext("too often: %(rate)s are allowed", rate=limit),
        headers={"Retry-After": str(max(1, math.ceil(reset - time.time())))},
    )


def limited(
    what: str, rate: Callable[[ServiceSettings], str]
) -> Callable[[Callable[_Parameters, _Result]], Callable[_Parameters, _Result]]:
    """Let each address use a view only so often; with trusted proxies, the address that they tell."""

    def decorate(view: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        @wraps(view)
        def counted(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            take_turn(what, rate(services().settings), request.remote_addr or "unknown")
            return view(*args, **kwargs)

        return counted

    return decorate


@lru_cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)
