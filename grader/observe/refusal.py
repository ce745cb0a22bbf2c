"""Says from the text of a Dockerfile alone why it would not be built, before anything is started.

This spares a participant the builder's own words about a network that is not there. It protects nothing:
the sandbox around the builder does that, whatever a Dockerfile says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from grader.dockerfile import DockerfileError, Instruction, parse_instruction, read_directives, read_instructions

_MAX_TEXT: Final = 1 << 20
_REMOTE: Final = re.compile(r"(https?|git|ssh)://|git@|github\.com/", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\\.|\$(?:(\w+)|\{(\w+)(?:(:?[-+?])([^${}]*))?\})")
_OPEN: Final = re.compile(r"(?<!\\)\$")
_NESTING: Final = 5


def refusal(dockerfile: str, allowed_images: frozenset[str]) -> str | None:
    """Return why `dockerfile` is refused, or ``None``.

    Args:
        dockerfile: Its text. Where it is no Dockerfile at all the builder says so, better than this could.
        allowed_images: Names of images that are there: ``debian:trixie``.
    """
    if len(dockerfile) > _MAX_TEXT:
        return "the Dockerfile is longer than a million characters"
    if _frontend(dockerfile):
        return "a syntax directive asks for a frontend from a registry, and builds here have no network: leave it out"
    try:
        instructions = read_instructions(dockerfile)
    except DockerfileError:
        return None
    judged = _Stages({_canonical(image) for image in allowed_images}, sorted(allowed_images))
    for instruction in instructions:
        if reason := judged.why_not(instruction):
            return f"line {instruction.line}: {reason}"
    return None


def _frontend(text: str) -> bool:
    """Say whether the builder would fetch a frontend; it looks in the places in which BuildKit looks."""
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
