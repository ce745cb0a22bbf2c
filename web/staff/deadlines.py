"""Reads deadlines as forms send them: in UTC, or empty where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request


def deadline_sent() -> float | None:
    """Return the deadline of the form that was sent, in seconds since 1970.

    Raises:
        ValueError: It is none.
    """
    given = request.form.get("deadline", "").strip()
    if not given:
        return None
    try:
        return datetime.fromisoformat(given).replace(tzinfo=UTC).timestamp()
    except OverflowError as error:
        raise ValueError(given) from error
