"""An exercise's sample answers: which there are, and how they read with values filled in."""

from __future__ import annotations

import itertools
import os
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

from grader import answer
from grader.errors import ExerciseError, GraderError
from grader.evidence import Value
from grader.exercise.folder import shown_path
from grader.model import Exercise, Submission
from grader.parameters import fill_bytes

Draw = Callable[[Exercise, str], dict[str, Value]]

_GROUPS: Final = ("fake", "hostile")
_NUMBERS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample answer.

    Attributes:
        feedback: Name of the feedback that it must get; empty for accepted ones.
        path: A folder with its files, in which ``{{ parameter }}`` stands for values; or, for answers that
            have to be computed, a Python file whose function ``files(parameters)`` returns texts by name.
            What such files share is a module in `submissions/`: ``from .answers import right``.
    """

    verdict: Literal["accepted", "rejected"]
    feedback: str
    name: str
    path: Path

    @property
    def label(self) -> str:
        """What it is called: its path below `submissions/`."""
        return "/".join(filter(None, (self.verdict, self.feedback, self.name)))

    @property
    def group(self) -> str:
        """What kind of answer it is: right, wrong, fake or hostile."""
        if self.verdict == "accepted":
            return "right"
        return next((group for group in _GROUPS if self.name.startswith(group)), "wrong")


def find(exercise: Exercise) -> tuple[Sample, ...]:
    """Return the samples of an exercise: accepted ones first, each kind in alphabetical order.

    Raises:
        ExerciseError: Something in `submissions/` is no sample.
    """
    top = exercise.folder / "submissions"
    found = [Sample("accepted", "", path.stem, path) for path in _samples(top / "accepted")]
    for feedback in _entries(top / "rejected"):
        if not feedback.is_dir():
            raise ExerciseError(
                f"{shown_path(feedback)}: rejected samples are in a folder named after a feedback"
            )
        found += [Sample("rejected", feedback.name, path.stem, path) for path in _samples(feedback)]
    for path in _entries(top):
        if path.name not in {"accepted", "rejected"} and (path.is_dir() or path.suffix != ".py"):
            raise ExerciseError(f"{shown_path(path)}: samples are in accepted/ or rejected/")
    return tuple(found)


def _samples(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if not path.is_dir() and path.suffix != ".py":
            raise ExerciseError(f"{shown_path(path)}: a sample is a folder or a Python file")
        yield path


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def submission(
    exercise: Exercise, sample: Sample, participant: str, parameters: Mapping[str, Value]
) -> Submission:
    """Return a sample as a participant would hand it in who has these values.

    Raises:
        SubmissionError: It is not well-formed, which may be what it is a sample of.
    """
    if sample.path.is_dir():
        read = answer.read(exercise, sample.path, participant, parameters)
        files = {name: fill_bytes(content, parameters) for name, content in read.files.items()}
    else:
        files = _computed(exercise, sample, parameters)
    return answer.from_files(exercise, participant, files, parameters)


def write_batch(directory: Path, exercises: Iterable[Exercise], draw: Draw, *, brief: bool = False) -> int:
    """Write sample answers as a batch's folder, ``<participant>/<slug>/<files>``; return how many.

    The participants are called after what they hand in: right-1, wrong-2, fake-1, hostile-1.

    Args:
        directory: Empty, or not there yet.
        exercises: Whose samples are written.
        draw: Draws a participant's parameters.
        brief: Only two of each exercise: one right, and in turn one wrong, one faked, one hostile.

    Raises:
        ExerciseError: A sample cannot be computed.
        GraderError: The folder is not empty, or cannot be written.
    """
    count = 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise GraderError(f"{directory} is not empty")
        for place, exercise in enumerate(exercises):
            numbers: Counter[str] = Counter()
            found = find(exercise)
            for sample in _chosen(found, place) if brief else found:
                numbers[sample.group] += 1
                participant = f"{sample.group}-{numbers[sample.group]}"
                target = directory / participant / exercise.slug
                _write(exercise, sample, target, draw(exercise, participant))
                count += 1
    except OSError as error:
        raise GraderError(f"{error.filename}: {error.strerror}") from error
    return count


def _chosen(found: tuple[Sample, ...], place: int) -> Iterator[Sample]:
    """Yield a right sample, and another one whose group depends on the exercise's place in the list."""
    first = {sample.group: sample for sample in reversed(found)}
    groups = ("wrong", *_GROUPS)
    turn = groups[place % len(groups)]
    for group in ("right", turn if turn in first else "wrong"):
        if group in first:
            yield first[group]


def _computed(exercise: Exercise, sample: Sample, parameters: Mapping[str, Value]) -> dict[str, bytes]:
    """Ask a sample that is a Python file for its files.

    Raises:
        ExerciseError: It cannot be asked, or answers with something else.
    """
    try:
        with _package(exercise.folder / "submissions") as package:
            functions: dict[str, Any] = runpy.run_path(str(sample.path), run_name=f"{package}.sample")
            texts = functions["files"](dict(parameters))
            return {str(name): str(text).encode() for name, text in texts.items()}
    except Exception as error:
        raise ExerciseError(f"{shown_path(sample.path)}: {type(error).__name__}: {error}") from error


@contextmanager
def _package(folder: Path) -> Iterator[str]:
    """Let a folder be a package for a while, of which nothing stays; yield its name."""
    name = f"_samples_{next(_NUMBERS)}"
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    # A folder of bytecode would lie among the samples, and might be older than what it was made from.
    writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield name
    finally:
        sys.dont_write_bytecode = writes_nothing
        for module in [found for found in sys.modules if found.partition(".")[0] == name]:
            del sys.modules[module]


def _write(exercise: Exercise, sample: Sample, target: Path, parameters: Mapping[str, Value]) -> None:
    if sample.path.is_dir():
        _copy(sample.path, target, parameters)
        return
    for name, content in _computed(exercise, sample, parameters).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)


def _copy(source: Path, target: Path, parameters: Mapping[str, Value]) -> None:
    """Copy a sample's files, values filled in; links stay links, as they may be what is sampled."""
    target.mkdir(parents=True)
    for root, folders, files in os.walk(source):
        inside = target / Path(root).relative_to(source)
        for name in (*folders, *files):
            path = Path(root, name)
            if path.is_symlink():
                (inside / name).symlink_to(os.readlink(path))
            elif path.is_dir():
                (inside / name).mkdir()
            else:
                (inside / name).write_bytes(fill_bytes(path.read_bytes(), parameters))
