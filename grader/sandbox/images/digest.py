"""Digests of values: what artifacts are known by."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


def digest(*parts: Any) -> str:
    """Return a SHA-256 in hexadecimal over `parts`: dataclasses, strings, numbers, tuples, dictionaries."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
