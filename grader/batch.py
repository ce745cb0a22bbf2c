"""Grades a folder of submissions, ``<participant>/<exercise>/<files>``, whatever else may lie in it."""

from __future__ import annotations

import math
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grader import answer, bundles
from grader.errors import GraderError, SubmissionError
from grader.evidence import Value
from grader.exercise.catalogue import Broken, Catalogue, UnknownExerciseError, is_slug
from grader.grading import Grader
from grader.journal import Journal, answer_digest
from grader.judge import malformed, ungradable
from grader.model import Exercise, Report, Timing
from grader.visible import file_name

_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_EXERCISES: Final = 200  # folders of one participant; with more, only known exercises are looked up
_LOOK_SECONDS: Final = 0.1

Draw = Callable[[Exercise, str], dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission of a batch.

    Attributes:
        folder: Name of the participant's folder, as the file system has it.
        participant: The same as text that every output can hold.
    """

    folder: str
    participant: str
    exercise: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder of submissions holds.

    Attributes:
        refused: Sentences about what is no submission and may have been meant as one.
        ignored: Names of files that were passed over.
    """

    entries: tuple[Entry, ...]
    refused: tuple[str, ...]
    ignored: tuple[str, ...]


def find(directory: Path, known: Collection[str], only: Collection[str] = ()) -> Found:
    """Look through a folder of submissions without following a link or opening a file.

    Args:
        directory: The folder.
        known: Slugs of exercises.
        only: Look for these exercises and no others, unless empty.

    Raises:
        GraderError: It cannot be read.
    """
    entries: list[Entry] = []
    refused: list[str] = []
    ignored: list[str] = []
    try:
        top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise GraderError(f"{directory}: {error.strerror}") from error
    try:
        for name, mode in _list(top):
            shown = file_name(os.fsencode(name))
            if stat.S_ISREG(mode) or name.startswith("."):
                ignored.append(shown)
            elif not stat.S_ISDIR(mode):
                refused.append(f"{shown} is neither a folder nor a file: no submissions are read from it")
            else:
                participant = _text(name)
                try:
                    slugs, remark = _exercises(top, name, only or known, strict=bool(only))
                except OSError as error:
                    refused.append(f"{shown} cannot be read: {error.strerror}")
                    continue
                entries += [Entry(name, participant, _text(slug)) for slug in slugs]
                refused += [f"{shown} {remark}"] if remark else []
    finally:
        os.close(top)
    entries.sort(key=lambda entry: (entry.participant, entry.exercise))
    return Found(tuple(entries), tuple(refused), tuple(ignored))


def _text(name: str) -> str:
    """Return a file's name as text that every output can hold."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _list(folder: int) -> list[tuple[str, int]]:
    with os.scandir(folder) as found:
        return sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in found)


def _exercises(top: int, name: str, known: Collection[str], *, strict: bool) -> tuple[list[str], str]:
    """Return what one participant handed in, and a remark on what was left out."""
    folder = os.open(name, _OPEN_FOLDER, dir_fd=top)
    try:
        listed: list[tuple[str, int]] = []
        with os.scandir(folder) as found:
            for entry in found:
                listed.append((entry.name, entry.stat(follow_symlinks=False).st_mode))
                if len(listed) > _MOST_EXERCISES:
                    there = [slug for slug in known if _exists(slug, folder)]
                    return (
                        there,
                        f"holds more than {_MOST_EXERCISES} folders: only known exercises are graded",
                    )
        if strict:
            return [slug for slug, _ in listed if slug in known], ""
        return [slug for slug, mode in sorted(listed) if slug in known or stat.S_ISDIR(mode)], ""
    finally:
        os.close(folder)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


class Answers:
    """Grades the submissions of one folder, one at a time; safe to use from many threads."""

    def __init__(
        self,
        directory: Path,
        catalogue: Catalogue,
        grader: Grader,
        draw: Draw,
        *,
        evidence: Path | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Say what submissions are graded with.

        Args:
            directory: The folder of submissions.
            catalogue: All of whose exercises that occur were looked up already.
            grader: Observes and judges.
            draw: Gives a participant's values.
            evidence: Folder for evidence bundles, or ``None``.
            journal: Knows earlier reports and keeps new ones, or ``None``.
        """
        self._directory = directory
        self._catalogue = catalogue
        self._grader = grader
        self._draw = draw
        self._evidence = evidence
        self._journal = journal

    def grade(self, entry: Entry) -> Report:
        """Grade one submission; whatever is wrong with it becomes its report.

        Raises:
            GraderError: The grader's own outputs cannot be written.
        """
        try:
            found = self._catalogue.look_up(entry.exercise)
        except UnknownExerciseError as error:
            reason = str(error) if is_slug(entry.exercise) else f"{file_name(entry.exercise)} is no exercise"
            return malformed(entry.exercise, entry.participant, 0.0, reason, Timing())
        if isinstance(found, Broken):
            return ungradable(entry.exercise, entry.participant, 0.0, found.reason, Timing())
        try:
            return self._grade(found, entry)
        except SubmissionError as error:
            return malformed(found.slug, entry.participant, found.max_score, str(error), Timing())

    def late(self, entry: Entry, seconds: float) -> Report:
        """Return the report on a submission that a batch of so many seconds did not come to."""
        found = self._catalogue.look_up(entry.exercise) if entry.exercise in self._catalogue else None
        points = found.max_score if isinstance(found, Exercise) else 0.0
        reason = f"the batch's time of {seconds:g} s was over before this submission was begun"
        return ungradable(entry.exercise, entry.participant, points, reason, Timing())

    def _grade(self, exercise: Exercise, entry: Entry) -> Report:
        participant = entry.participant
        parameters = self._draw(exercise, participant)
        try:
            parent = os.open(self._directory / entry.folder, _OPEN_FOLDER)
        except OSError as error:
            raise SubmissionError(f"the participant's folder cannot be read: {error.strerror}") from error
        try:
            submission = answer.read(exercise, Path(exercise.slug), participant, parameters, parent=parent)
        finally:
            os.close(parent)
        address = answer_digest(exercise, submission)
        earlier = self._journal and self._journal.find(participant, exercise.slug, address)
        if earlier:
            return earlier
        graded = self._grader.grade(exercise, submission)
        report = graded.report
        try:
            if self._evidence is not None and graded.evidence is not None:
                bundles.store(self._evidence, graded.evidence, report.timing)
            if self._journal is not None and report.status == "graded":
                self._journal.append(address, report)
        except OSError as error:
            raise GraderError(f"{error.filename or 'journal'}: {error.strerror or error}") from error
        return report


def run(
    entries: Sequence[Entry],
    grade: Callable[[Entry], Report],
    *,
    jobs: int,
    stop: threading.Event,
    late: Callable[[Entry, float], Report],
    seconds: float | None = None,
) -> Iterator[Report]:
    """Grade submissions in parallel; yield each report as it comes.

    Args:
        entries: The submissions.
        grade: Grades one of them.
        jobs: Threads.
        stop: Once set, no further submission is begun; those that run are finished.
        late: Gives the report on a submission that was not begun in time.
        seconds: For the whole batch, or ``None``.

    Raises:
        GraderError: `grade` raised it; no further submission is begun.
    """
    waiting = iter(entries)
    lock = threading.Lock()
    done: queue.SimpleQueue[Report | BaseException] = queue.SimpleQueue()
    end = math.inf if seconds is None else time.monotonic() + seconds

    def take() -> Entry | None:
        with lock:
            return None if stop.is_set() or time.monotonic() > end else next(waiting, None)

    def work() -> None:
        try:
            while (entry := take()) is not None:
                done.put(grade(entry))
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits
            stop.set()
            done.put(error)

    threads = [threading.Thread(target=work, name=f"grade-{number}", daemon=True) for number in range(jobs)]
    for thread in threads:
        thread.start()
    failure: BaseException | None = None
    while any(thread.is_alive() for thread in threads) or not done.empty():
        with suppress(queue.Empty):
            found = done.get(timeout=_LOOK_SECONDS)
            if isinstance(found, BaseException):
                failure = found
            else:
                yield found
    if failure is not None:
        raise failure
    if not stop.is_set():
        yield from (late(entry, seconds or 0.0) for entry in waiting)
