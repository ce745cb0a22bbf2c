"""The lines by which an exercise is answered from a terminal, as its page shows them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from grader.model import Exercise


@dataclass(frozen=True, slots=True)
class CommandLines:
    """What to type in a terminal; a token stands there as `$TOKEN`, and a submission's id as `ID`."""

    login: str
    submit: str
    curl: str
    verdict: str


def command_lines(exercise: Exercise, server: str) -> CommandLines:
    """Return the lines for an exercise on the server at this address."""
    at = shlex.quote(server)
    names = [spec.name for spec in exercise.files]
    fields = " ".join(f"-F {shlex.quote(_field(name))}" for name in names)
    address = f"{server}/api/v1/submissions"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    return CommandLines(
        # Without the token, it would join as somebody else.
        login=f"grader login --server {at} --token",
        submit=shlex.join(["grader", "submit", exercise.slug, *names, "--server", server]),
        curl=f"curl {bearer} -F exercise={shlex.quote(exercise.slug)} {fields} {shlex.quote(address)}",
        verdict=f"curl {bearer} {shlex.quote(f'{address}/ID?wait=30')}",
    )


def _field(name: str) -> str:
    """Return the form field of a file; of a folder, that of a file in it."""
    path = f"{name}FILE" if name.endswith("/") else name
    return f"files=@{path};filename={path}" if "/" in path else f"files=@{path}"
