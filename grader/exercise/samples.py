"""An exercise's sample answers: which there are, and how they read with values filled in."""

from __future__ import annotations

import os
import runpy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from grader import answer
from grader.errors import ExerciseError, GraderError
from grader.evidence import Value
from grader.exercise.folder import shown_path
from grader.model import Exercise, Submission
from grader.parameters import can_be, fill_bytes

Draw = Callable[[Exercise, str], dict[str, Value]]

_GROUPS: Final = ("fake", "hostile")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample answer.

    Attributes:
        feedback: Name of the feedback that it must get; empty for accepted ones.
        folder: With its files, in which ``{{ parameter }}`` stands for values; or a Python file whose
            function ``files(parameters)`` returns texts by name, for answers that have to be computed.
    """

    verdict: Literal["accepted", "rejected"]
    feedback: str
    name: str
    folder: Path

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
    found = [_sample(exercise, "accepted", "", path) for path in _folders(top / "accepted")]
    for feedback in _folders(top / "rejected"):
        found += [_sample(exercise, "rejected", feedback.name, path) for path in _folders(feedback)]
    if top.is_dir():
        for path in top.iterdir():
            if path.name not in {"accepted", "rejected"}:
                raise ExerciseError(f"{shown_path(path)}: samples are in accepted/ or rejected/")
    return tuple(found)


def _folders(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield path
        elif path.suffix != ".toml" or not path.with_suffix("").is_dir():
            raise ExerciseError(f"{shown_path(path)}: a folder was expected here")


def _sample(
    exercise: Exercise, verdict: Literal["accepted", "rejected"], feedback: str, folder: Path
) -> Sample:
    values = folder.with_name(f"{folder.name}.toml")
    if not values.exists():
        return Sample(verdict, feedback, folder.name, folder)
    shown = shown_path(values)
    try:
        fixed = tomllib.loads(values.read_bytes().decode("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ExerciseError(f"{shown}: {error}") from error
    for name, value in fixed.items():
        if name not in exercise.parameters:
            raise ExerciseError(f"{shown}: $.{name}: {exercise.slug} has no such parameter")
        if not can_be(exercise.parameters[name], value):
            raise ExerciseError(f"{shown}: $.{name}: {value!r} is never drawn for this parameter")
    return Sample(verdict, feedback, folder.name, folder, fixed)


def submission(
    exercise: Exercise, sample: Sample, participant: str, parameters: Mapping[str, Value]
) -> Submission:
    """Return a sample as a participant would hand it in who has these values.

    Raises:
        SubmissionError: It is not well-formed, which may be what it is a sample of.
    """
    if not sample.folder.is_dir():
        return answer.from_files(exercise, participant, _computed(sample, parameters), parameters)
    read = answer.read(exercise, sample.folder, participant, parameters)
    return answer.from_files(
        exercise,
        participant,
        {name: fill_bytes(content, parameters) for name, content in read.files.items()},
        parameters,
    )


def write_batch(directory: Path, exercises: Iterable[Exercise], draw: Draw) -> tuple[int, int]:
    """Write sample answers as a batch's folder: ``<participant>/<slug>/<files>``.

    The participants are called after what they hand in: right-1, wrong-2, fake-1, hostile-1. Samples for
    fixed values are left out, as those participants draw others. Returns how many were written and how
    many left out.

    Raises:
        GraderError: The folder is not empty, or cannot be written.
    """
    count = left_out = 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise GraderError(f"{directory} is not empty")
        for exercise in exercises:
            numbers: Counter[str] = Counter()
            for sample in find(exercise):
                if sample.fixed:
                    left_out += 1
                    continue
                numbers[sample.group] += 1
                participant = f"{sample.group}-{numbers[sample.group]}"
                target = directory / participant / exercise.slug
                _write(sample, target, draw(exercise, participant))
                count += 1
    except OSError as error:
        raise GraderError(f"{error.filename}: {error.strerror}") from error
    return count, left_out


def _computed(sample: Sample, parameters: Mapping[str, Value]) -> dict[str, bytes]:
    """Ask a sample that is a Python file for its files.

    Raises:
        ExerciseError: It cannot be asked, or answers with something else.
    """
    try:
        texts = runpy.run_path(str(sample.folder))["files"](dict(parameters))
        return {str(name): str(text).encode() for name, text in texts.items()}
    except Exception as error:
        raise ExerciseError(f"{shown_path(sample.folder)}: {type(error).__name__}: {error}") from error


def _write(sample: Sample, target: Path, parameters: Mapping[str, Value]) -> None:
    if sample.folder.is_dir():
        _copy(sample.folder, target, parameters)
        return
    target.mkdir(parents=True)
    for name, content in _computed(sample, parameters).items():
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
