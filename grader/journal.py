"""Keeps the reports of a running batch, line by line, so that a later one can go on from there."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec

from grader.errors import GraderError
from grader.model import Exercise, Report, Submission
from grader.report import json

_SYNC_SECONDS: Final = 1.0

Key = tuple[str, str]
"""Participant and exercise."""


class _Line(msgspec.Struct):
    answer: str
    report: Report


_DECODER: Final = msgspec.json.Decoder(_Line)


def answer_digest(exercise: Exercise, submission: Submission) -> str:
    """Return the digest of everything that a verdict follows from: answer, values and exercise."""
    total = hashlib.sha256(msgspec.json.encode([exercise.digest, submission.parameters], order="sorted"))
    for name, content in sorted(submission.files.items()):
        total.update(f"\0{name}\0{len(content)}\0".encode())
        total.update(content)
    return f"sha256:{total.hexdigest()}"


class Journal:
    """An append-only file of reports; safe to use from many threads.

    Every line is in the kernel's hands before `append` returns, and on the disk a second later: killing
    the grader loses nothing, a power cut a second's work. A line that was cut short is dropped.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Open a journal.

        Args:
            path: Of the file.
            resume: Whether to keep what an earlier batch wrote there.

        Raises:
            GraderError: The file cannot be opened.
        """
        self._lock = threading.Lock()
        self._earlier: dict[Key, _Line] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND
            self._file = os.open(path, flags | (0 if resume else os.O_TRUNC), 0o644)
            if resume:
                os.ftruncate(self._file, self._read(path.read_bytes()))
        except OSError as error:
            raise GraderError(f"{path}: {error.strerror}") from error
        self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def _read(self, data: bytes) -> int:
        """Take in the lines that are whole; return how many bytes they are."""
        good = 0
        for line in data.splitlines(keepends=True):
            try:
                found = _DECODER.decode(line)
            except (msgspec.MsgspecError, UnicodeError):
                break
            if not line.endswith(b"\n"):
                break
            self._earlier[found.report.participant, found.report.exercise] = found
            good += len(line)
        return good

    def add_earlier(self, reports: list[Report]) -> None:
        """Take reports of an earlier batch for known, whatever their answers were."""
        for report in reports:
            if report.status == "graded" and not report.malformed:
                self._earlier.setdefault((report.participant, report.exercise), _Line("", report))

    def find(self, participant: str, exercise: str, answer: str) -> Report | None:
        """Return the earlier report on this very answer, or ``None``."""
        found = self._earlier.get((participant, exercise))
        return found.report if found is not None and found.answer in {"", answer} else None

    def append(self, answer: str, report: Report) -> None:
        """Write down a report.

        Raises:
            OSError: The disk is full, say.
        """
        table: dict[str, Any] = {"answer": answer, "report": json.to_table(report)}
        with self._lock:
            line = msgspec.json.encode(table) + b"\n"
            if os.write(self._file, line) != len(line):
                raise OSError("the journal could not be written whole")
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = time.monotonic()
