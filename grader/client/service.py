"""What a grading server can be asked for: to let somebody join, an exercise's files, to grade, a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import quote

import msgspec

from grader.answer import plain_name
from grader.client.connection import Connection
from grader.errors import GraderError, RefusedError, ServerError
from grader.model import FileSpec, Kind, Report
from grader.progress import SILENT, Progress
from grader.report import json as report_json
from grader.visible import file_name, one_line

_POST_SECONDS: Final = 15.0  # how long a server may be away before we give up
_AWAY_SECONDS: Final = 60.0
_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
_BETWEEN: Final = 0.5  # a busy server answers at once instead of waiting
_Result = TypeVar("_Result")

Token = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,500}$")]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_State = Literal["queued", "running", "graded", "ungradable", "cancelled"]
_FINAL: Final = frozenset({"graded", "ungradable", "cancelled"})


class Joined(msgspec.Struct, frozen=True):
    """Who has joined."""

    name: str
    token: Token


class _File(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    required: bool


class _Exercise(msgspec.Struct, frozen=True):
    slug: str
    max_score: float
    files: Annotated[list[_File], msgspec.Meta(min_length=1)]


class _Exercises(msgspec.Struct, frozen=True):
    exercises: list[_Exercise]


class _Own(msgspec.Struct, frozen=True):
    participant: str


class _Owns(msgspec.Struct, frozen=True):
    submissions: list[_Own]


class Accepted(msgspec.Struct, frozen=True):
    """A submission that the server has taken."""

    id: _Id


class _Detailed(msgspec.Struct, frozen=True):
    state: _State
    error: str | None
    report: msgspec.Raw
    position: int | None
    progress: str
    printed: str = ""
    printed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ServedExercise:
    """What a server says of an exercise, as much as is needed to answer it."""

    slug: str
    max_score: float
    files: tuple[FileSpec, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A submission as it was when we looked.

    Attributes:
        position: How many come before it, while it is queued.
        progress: What is going on, while it is running.
        printed: The end of what it has printed, while it is running.
        printed_bytes: How much that was in all.
        report: Once it has ended, unless it was cancelled.
    """

    state: str
    error: str | None
    report: Report | None
    position: int | None
    progress: str
    printed: bytes = b""
    printed_bytes: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in _FINAL


def join(connection: Connection, name: str, join_code: str) -> Joined:
    """Take part in a workshop."""
    return connection.call(
        "POST", "/api/v1/participants", Joined, json={"name": name, "join_code": join_code}
    )


def name_by_token(connection: Connection) -> str:
    """Return whose token the connection carries; empty where nothing was submitted with it yet.

    Raises:
        RefusedError: Nobody has it.
    """
    found = connection.call("GET", "/api/v1/submissions", _Owns).submissions
    return found[0].participant if found else ""


def exercise(connection: Connection, slug: str) -> ServedExercise:
    """Return what an answer to an exercise consists of.

    Raises:
        RefusedError: The server has no such exercise.
    """
    every = connection.call("GET", "/api/v1/exercises", _Exercises).exercises
    found = next((one for one in every if one.slug == slug), None)
    if found is None:
        raise RefusedError(f"{connection.server} has no exercise {file_name(slug)}", 404)
    if not all(plain_name(file.name.removesuffix("/")) for file in found.files):
        raise ServerError(f"{connection.server} does not answer as a grader does")
    files = tuple(FileSpec(file.name, file.kind, file.required) for file in found.files)
    return ServedExercise(slug, found.max_score, files)


def submit(connection: Connection, slug: str, files: Mapping[str, bytes], key: str) -> Accepted:
    """Submit an answer; while the connection fails, try again with the same idempotency key."""
    return _patiently(
        lambda: connection.call(
            "POST",
            "/api/v1/submissions",
            Accepted,
            form={"exercise": slug},
            files=[*files.items()],
            headers={"Idempotency-Key": key},
        ),
        _POST_SECONDS,
    )


def wait_for_verdict(connection: Connection, identity: str, progress: Progress) -> Seen:
    """Return a submission once it has ended.

    Args:
        connection: To the server that has it.
        identity: The submission's id.
        progress: Told every second what is going on and what was printed; where it is `SILENT`, the server is
            asked as rarely as can be.

    Raises:
        ServerError: The server is away for more than a minute.
    """
    seconds = 30 if progress is SILENT else 1
    shown = 0
    while True:
        began = time.monotonic()
        seen = _patiently(lambda: _look(connection, identity, seconds), _AWAY_SECONDS, progress)
        if seen.final:
            return seen
        fresh = seen.printed_bytes - (shown if shown <= seen.printed_bytes else 0)  # less: another attempt
        if fresh:
            progress.show(seen.printed[-fresh:])
        shown = seen.printed_bytes
        progress.say(described(seen))
        time.sleep(max(0.0, _BETWEEN - (time.monotonic() - began)))


def described(seen: Seen) -> str:
    """Return what is going on with a submission, in a few words."""
    if seen.state == "queued":
        before = seen.position
        if before is None:
            return "queued"
        return f"queued, {before} before it" if before else "queued, the next one"
    return f"{seen.state}: {seen.progress}" if seen.progress else seen.state


def _look(connection: Connection, identity: str, seconds: int) -> Seen:
    path = f"/api/v1/submissions/{quote(identity)}?wait={seconds}"
    try:
        found = connection.call("GET", path, _Detailed, seconds=seconds + 30)
    except RefusedError as error:
        if error.status != 429:
            raise
        raise ServerError(str(error)) from error  # looking too often ends nothing
    return Seen(
        found.state,
        found.error,
        _report(connection, bytes(found.report)),
        found.position,
        found.progress,
        found.printed.encode(errors="replace"),
        found.printed_bytes,
    )


def _report(connection: Connection, raw: bytes) -> Report | None:
    if raw == b"null":
        return None
    try:
        return report_json.from_json(raw)
    except GraderError as error:
        raise ServerError(f"{connection.server} sends what is {one_line(str(error))}") from error


def _patiently(call: Callable[[], _Result], seconds: float, progress: Progress = SILENT) -> _Result:
    """Return what a call gives; while the server is away, call again."""
    end = time.monotonic() + seconds
    pause = _PAUSE
    while True:
        try:
            return call()
        except ServerError as error:
            if time.monotonic() + pause > end:
                raise
            progress.say(f"trying again: {error}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
