"""The vocabulary of probes: what an exercise may ask the grader to do to an answer's result, and how.

Each class is one action of a ``[[probes]]`` table in `exercise.toml`; its fields are the table's keys.
Every probe is carried out inside the disposable engine, after the answer and before the last look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from grader.errors import ExerciseError


class Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", forbid_unknown_fields=True):
    """What all probes have in common.

    Attributes:
        wait_seconds: How long the outcome is waited for.
    """

    wait_seconds: float = 5.0


class RunContainer(Action, frozen=True, kw_only=True, tag="run"):
    """Run a container of an image, without network, with a memory cap.

    Attributes:
        command: Arguments after the image's name; empty for the image's own.
        signal: Sent once the container has run for `after_seconds`, if it still runs then.
        after_seconds: Also when its processes are looked at.
    """

    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    env: Mapping[str, str] = {}
    user: str = ""
    memory_mib: int = 64
    signal: str = ""
    after_seconds: float = 0.5


class Execute(Action, frozen=True, kw_only=True, tag="exec"):
    """Run a command inside a container of the answer."""

    container: str
    command: tuple[str, ...]
    user: str = ""


class Kill(Action, frozen=True, kw_only=True, tag="kill"):
    """Kill a container's first process from outside, behind the engine's back, and see what follows.

    The probe's processes are those from before the kill, its container is the one after.

    Attributes:
        wait_seconds: How long to wait for it to run again.
    """

    container: str
    signal: str = "KILL"


class Stop(Action, frozen=True, kw_only=True, tag="stop"):
    """Stop a container through the engine: TERM (or its own signal), `grace_seconds`, KILL."""

    container: str
    grace_seconds: int = 3


class Connect(Action, frozen=True, kw_only=True, tag="connect"):
    """Open a TCP connection, repeated until it succeeds or `wait_seconds` are over.

    Where a reply is wanted (`send`, `receive`), success is the reply.

    Attributes:
        source: Container whose network it comes from; empty for the engine's host.
        host: Name or address, resolved as `source` would.
        send: Sent first.
        receive: Whether to wait for a reply even where nothing is sent. The reply, of up to 4 KiB, is the
            probe's standard output.
    """

    source: str = ""
    host: str = "127.0.0.1"
    port: int
    send: str = ""
    receive: bool = False


class Read(Action, frozen=True, kw_only=True, tag="read"):
    """Read a file of a container, running or not, or of an image; its text is the probe's standard output.

    Either `container` or `image` is given. Nothing of an image is run for it.
    """

    path: str
    container: str = ""
    image: str = ""

    def __post_init__(self) -> None:
        """Check that it is said what the file belongs to."""
        if bool(self.container) == bool(self.image):
            raise ValueError("either a container or an image is needed")


class BuildAgain(Action, frozen=True, kw_only=True, tag="build"):
    """Build the answer's Dockerfile again with some of its files replaced."""

    tag_as: str = "answer-again"
    files: Mapping[str, str] = {}
    wait_seconds: float = 60.0


class Script(Action, frozen=True, kw_only=True, tag="script"):
    """Run a script of the exercise's author beside dockerd, with bash."""

    script: str


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of a conversation.

    Attributes:
        expect: Text that is waited for; empty for none.
        send: What is then typed.
        enter: Whether the Enter key follows it.
    """

    expect: str = ""
    send: str = ""
    enter: bool = True


class Converse(Action, frozen=True, kw_only=True, tag="converse"):
    """Run a command beside dockerd on a terminal, and type what a person would.

    The transcript, without what only moves the cursor or sets colours, is the probe's standard output. Its
    processes are those that the containers had when the last expected text had come.

    Attributes:
        command: Such as ``["bash", "/answer/repl.sh"]``.
        steps: In their order. Each looks for its text behind the text of the step before.
        wait_seconds: How long each text is waited for, and after the last step the command's end.
    """

    command: tuple[str, ...]
    steps: tuple[Step, ...]


AnyAction: TypeAlias = RunContainer | Execute | Kill | Stop | Connect | Read | BuildAgain | Script | Converse


def to_action(name: str, action: str, options: Mapping[str, Any]) -> AnyAction:
    """Check a probe's options.

    Raises:
        ExerciseError: No such action, or options that it does not take.
    """
    try:
        found: AnyAction = msgspec.convert({"action": action, **options}, type=AnyAction, strict=False)
    except msgspec.ValidationError as error:
        raise ExerciseError(f"probe {name!r}: {error}") from error
    return found
