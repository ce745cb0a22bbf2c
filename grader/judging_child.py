"""The child process that judges: reads requests from its standard input, one after the other, and answers."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from grader import bundles
from grader import evidence as evidence_format
from grader.errors import BundleError, ExerciseError, GraderError
from grader.evidence import Evidence
from grader.exercise.folder import load
from grader.judge import graded, judge
from grader.model import CheckResult, Exercise, Report

DEADLINE_SIGNAL: Final = signal.SIGPROF
NOTHING_BEGUN: Final = b"\xff" * 8
_LENGTH: Final = struct.Struct("<I")
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_MEMORY: Final = 1 << 30  # address space: a check that collects without end meets MemoryError

Known = dict[str, CheckResult]


class Start(msgspec.Struct):
    """What a child learns first.

    Attributes:
        folders: Of exercises, by slug.
        digests: What the parent found in them.
        deadline: Seconds of processor time for one submission.
    """

    folders: dict[str, str]
    digests: dict[str, str]
    deadline: float


class JudgeEvidence(msgspec.Struct, tag=True):
    """Judge evidence whose JSON follows; `known` results are taken as they are."""

    exercise: str
    known: Known


class JudgeBundles(msgspec.Struct, tag=True):
    """Judge bundles that are files."""

    paths: list[str]
    known: Known


class Judged(msgspec.Struct):
    """What came of evidence: the checks' results, or why there are none."""

    checks: tuple[CheckResult, ...] = ()
    error: str = ""


class Verdict(msgspec.Struct):
    """What came of a bundle: the report, or why there is none.

    Attributes:
        changed: Whether the exercise is another one now than when the evidence was observed.
    """

    report: Report | None = None
    error: str = ""
    changed: bool = False


def send(connection: socket.socket, *frames: bytes) -> None:
    """Send frames, each behind its length."""
    connection.sendall(b"".join(part for frame in frames for part in (_LENGTH.pack(len(frame)), frame)))


def receive(connection: socket.socket) -> bytes | None:
    """Return the next frame, or ``None`` at the end of the stream."""
    head = _receive_exactly(connection, _LENGTH.size)
    return None if head is None else _receive_exactly(connection, _LENGTH.unpack(head)[0])


def _receive_request(connection: socket.socket) -> bytes | None:
    """Return the next frame, or ``None`` where the parent hung up, be it with an answer of ours unread."""
    try:
        return receive(connection)
    except ConnectionResetError:
        return None


def _receive_exactly(connection: socket.socket, size: int) -> bytes | None:
    piece = connection.recv(size)
    if len(piece) == size:
        return piece
    content = bytearray(piece)
    while len(content) < size:
        if not piece:
            return None
        piece = connection.recv(size - len(content))
        content += piece
    return bytes(content)


class _Judge:
    """Answers requests by the exercises that it has loaded."""

    def __init__(self, start: Start, progress: int, loaded: Mapping[str, Exercise]) -> None:
        self._start = start
        self._progress = progress
        self._loaded = dict(loaded)

    def judge_evidence(self, request: JudgeEvidence, data: bytes) -> Judged:
        """Judge evidence."""
        try:
            exercise = self._exercise(request.exercise)
            return Judged(self._judge(exercise, evidence_format.from_json(data), request.known, 0))
        except GraderError as error:
            return Judged(error=str(error))

    def judge_bundles(self, request: JudgeBundles) -> list[Verdict]:
        """Judge stored bundles."""
        return [self._bundle(path, request.known, number) for number, path in enumerate(request.paths)]

    def _bundle(self, path: str, known: Known, number: int) -> Verdict:
        try:
            bundle = bundles.read(path)
            found = bundle.evidence
            if found.exercise not in self._start.folders:
                raise BundleError(f"{path}: its exercise, {found.exercise!r}, is unknown here")
            exercise = self._exercise(found.exercise)
            results = self._judge(exercise, found, known, number)
        except GraderError as error:
            return Verdict(error=str(error))
        report = graded(exercise, found.participant, results, bundle.timing, bundle.address)
        return Verdict(report, changed=found.exercise_digest != exercise.digest)

    def _judge(
        self, exercise: Exercise, found: Evidence, known: Known, number: int
    ) -> tuple[CheckResult, ...]:
        def begin(position: int) -> None:
            os.pwrite(self._progress, struct.pack("<ii", number, position), 0)

        signal.setitimer(signal.ITIMER_PROF, self._start.deadline)
        try:
            return judge(exercise, found, known=known, begin=begin)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _exercise(self, slug: str) -> Exercise:
        if slug not in self._loaded:
            exercise = load(Path(self._start.folders[slug]))
            if exercise.digest != self._start.digests[slug]:
                raise ExerciseError(f"exercise {slug} was changed while it was in use; start again")
            self._loaded[slug] = exercise
        return self._loaded[slug]


def main(progress: int, parent: int, loaded: Mapping[str, Exercise]) -> None:
    """Answer until the parent hangs up.

    Args:
        progress: Descriptor to note in what is being judged.
        parent: Its process id.
        loaded: Exercises that need not be read again.
    """
    # A check in C code never comes back to the interpreter: only a signal's default action ends it.
    signal.signal(DEADLINE_SIGNAL, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    first = receive(connection)
    if first is None:
        return
    judging = _Judge(msgspec.json.decode(first, type=Start), progress, loaded)
    send(connection, b"ready")
    decoder = msgspec.json.Decoder(JudgeEvidence | JudgeBundles)
    while (frame := _receive_request(connection)) is not None:
        request = decoder.decode(frame)
        answer: Judged | list[Verdict]
        if isinstance(request, JudgeBundles):
            answer = judging.judge_bundles(request)
        else:
            data = receive(connection)
            if data is None:
                return
            answer = judging.judge_evidence(request, data)
        send(connection, msgspec.json.encode(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), {})
