"""Knows the frontend that a Dockerfile asks for: the builder has Docker's own in it, and can fetch no other.

Source: Dockerfile reference, "Parser directives"; BuildKit looks for the directive behind ``#``, behind
``//``, and in JSON, each also below a line that begins with ``#!``.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from grader.dockerfile import read_directives

_BUILT_IN: Final = rb"(?:docker\.io/)?docker/dockerfile(?::(?:latest|1(?:\.\d+){0,2}))?"
_DIRECTIVE: Final = rb"#[ \t]*(?!syntax\b)[a-z][a-z0-9]*[ \t]*=[^\n]*\n"
_ASKED: Final = re.compile(
    rb"\A(?P<above>(?:\xef\xbb\xbf)?(?:#![^\n]*\n)?(?:%(other)s)*)"
    rb"#[ \t]*syntax[ \t]*=[ \t]*%(built_in)s[ \t\r]*(?:\n|\Z)(?P<below>(?:%(other)s)*+)(?!#[ \t]*syntax\b)"
    % {b"other": _DIRECTIVE, b"built_in": _BUILT_IN},
    re.IGNORECASE,
)


def built_in(dockerfile: bytes) -> bytes:
    """Return `dockerfile` as the builder reads it by itself, if it asks for Docker's own stable frontend.

    A comment, which would end the directives, comes below the last one of them instead: what follows keeps
    the numbers of its lines.
    """
    return _ASKED.sub(rb"\g<above>\g<below># built in\n", dockerfile)


def asks_for_another(text: str) -> bool:
    """Say whether the builder would fetch a frontend for `text`, which is as `built_in` returns it."""
    text = text.removeprefix("\ufeff")
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    if "syntax" in read_directives(text) or "syntax" in read_directives(text, "//"):
        return True
    try:
        said = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return False
    return isinstance(said, dict) and any(key.lower() == "syntax" for key in said)
