"""Talks to a program on a terminal inside a disposable engine: waits for texts and types answers."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from grader.evidence import Probe, Process
from grader.probe import Converse, Step
from grader.sandbox.engine import Engine

_OUTPUT_BYTES: Final = 64 << 10
_ENTER: Final = "\r"  # what the key sends; the terminal makes a newline of it where a program wants one
_PAUSE_MS: Final = 50.0
# Control sequences of ECMA-48 and xterm's titles: they say how a text looks, not what it says.
_LOOKS: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x07\r]"
)
# script(1) makes the terminal inside the sandbox: the host's own terminals are never handed in.
_TERMINAL: Final = ("script", "--quiet", "--return", "--flush", "--command")
_SIZE: Final = "stty rows 24 cols 80; exec "


def converse(engine: Engine, action: Converse, look: Callable[[], tuple[Process, ...]]) -> Probe:
    """Carry out a conversation; what it is worth is for checks to say.

    Args:
        engine: Where the command runs.
        action: The command, and what is said.
        look: Returns the processes of all containers.
    """
    with ExitStack() as stack:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        os.set_blocking(writing, False)
        conversation = Conversation(action.steps, writing, action.wait_seconds, look)
        output, status = engine.execute(
            command(action.command),
            wall_seconds=action.wait_seconds * (len(action.steps) + 1),
            output_bytes=_OUTPUT_BYTES,
            stdin=reading,
            env={"TERM": "xterm", "SHELL": "/bin/sh"},
            tick=conversation.tick,
            heard=conversation.heard,
        )
    return Probe(
        "",
        "",
        ok=conversation.missed is None,
        error=None if conversation.missed is None else f"{conversation.missed!r} did not come",
        exit_code=status,
        stdout=conversation.transcript,
        stderr=output.stderr.decode(errors="replace"),
        processes=conversation.processes,
        details={
            "met": len(conversation.replies),
            "replies": conversation.replies,
            "ended": status is not None,
        },
    )


def command(args: tuple[str, ...]) -> tuple[str, ...]:
    """Return what runs `args` on a terminal of its own, with their status as its own."""
    return (*_TERMINAL, _SIZE + shlex.join(args), "/dev/null")


class Conversation:
    """One side of a conversation on a terminal: reads what comes, and types.

    Attributes:
        replies: For each step whose text has come, what was said since the step before.
        processes: What `look` returned when the last step's text had come.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        keyboard: int,
        patience_seconds: float,
        look: Callable[[], tuple[Process, ...]],
    ) -> None:
        """Begin it; `keyboard` is a descriptor that takes what is typed without blocking."""
        self._steps = steps
        self._keyboard = keyboard
        self._patience = patience_seconds
        self._look = look
        self._raw = b""
        self._read = 0
        self._since = time.monotonic()
        self.replies: list[str] = []
        self.processes: tuple[Process, ...] = ()

    @property
    def transcript(self) -> str:
        """Everything that came so far, without looks."""
        return _LOOKS.sub("", self._raw.decode(errors="replace"))

    @property
    def missed(self) -> str | None:
        """The text that has not come yet, or `None` once all have."""
        return self._steps[len(self.replies)].expect if len(self.replies) < len(self._steps) else None

    def heard(self, data: bytes) -> None:
        """Take what the program said, and answer it if it is what was waited for."""
        self._raw += data
        self._advance()

    def tick(self, _: float) -> float | None:
        """Return when to be called again, in milliseconds, or `None` once patience has run out."""
        self._advance()
        return None if time.monotonic() - self._since > self._patience else _PAUSE_MS

    def _advance(self) -> None:
        while (wanted := self.missed) is not None:
            said = self.transcript
            at = said.find(wanted, self._read)
            if at < 0:
                return
            step = self._steps[len(self.replies)]
            end = at + len(wanted)
            self.replies.append(said[self._read : end])
            self._read = end
            self._since = time.monotonic()
            if self.missed is None:
                self.processes = self._look()
            self._type(step.send + (_ENTER if step.enter else ""))

    def _type(self, text: str) -> None:
        try:
            os.write(self._keyboard, text.encode())
        except (BrokenPipeError, BlockingIOError):
            return  # the program has ended or does not read: the next text will not come
