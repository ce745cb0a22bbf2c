"""Lets pytest prove exercises: ``pytest exercises/`` runs one item for each sample answer.

It is loaded into every run of pytest where the grader is installed, and therefore imports what it needs
only when an `exercise.toml` is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from grader.evidence import Value
    from grader.grading import Grader
    from grader.model import Exercise
    from grader.verify import Case, Proof


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect exercises."""
    if file_path.name == "exercise.toml" and (file_path.parent / "checks.py").is_file():
        return ExerciseFile.from_parent(parent, path=file_path)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what observed."""
    prover = config.stash.get(_PROVER, None)
    if prover is not None:
        prover.close()


class NotProvenError(Exception):
    """A sample did not get the verdict that it is filed under."""


class ExerciseFile(pytest.File):
    """An exercise, with an item for each statement about it."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the items."""
        from grader.errors import ExerciseError
        from grader.exercise import load
        from grader.verify import cases

        try:
            exercise = load(self.path.parent)
            listed = cases(exercise)
        except ExerciseError as error:
            raise self.CollectError(str(error)) from error
        prover = self.config.stash.setdefault(_PROVER, Prover())
        prover.exercises[exercise.slug] = exercise
        yield StructureItem.from_parent(self, name="samples", exercise=exercise)
        for case in listed:
            yield SampleItem.from_parent(self, name=case.subject, case=case)


class _Item(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Show the sentence instead of a traceback into the grader."""
        if isinstance(excinfo.value, NotProvenError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]

    def check(self, proof: Proof) -> None:
        """Fail unless the statement was proven."""
        if not proof.ok:
            raise NotProvenError(f"{proof.subject}: expected {proof.expected}, found {proof.found}")


class StructureItem(_Item):
    """The statement that an exercise has samples enough."""

    def __init__(self, *, exercise: Exercise, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._exercise = exercise

    def runtest(self) -> None:
        """Prove it."""
        from grader.verify import structure

        self.check(structure(self._exercise))


class SampleItem(_Item):
    """The statement that a sample gets its verdict."""

    def __init__(self, *, case: Case, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._case = case

    def runtest(self) -> None:
        """Prove it."""
        self.check(self.config.stash[_PROVER].prove(self._case))


class Prover:
    """Observes and judges for the items of one run of pytest; started by the first of them."""

    def __init__(self) -> None:
        self.exercises: dict[str, Exercise] = {}
        self._resources = ExitStack()
        self._grader: Grader | None = None
        self._secret = ""

    def prove(self, case: Case) -> Proof:
        """Run a case and compare."""
        from grader.verify import prove

        return prove(case, self._grader or self._start(), self._draw)

    def _start(self) -> Grader:
        from grader.cli.context import open_observer
        from grader.grading import Grader
        from grader.judging import Judges
        from grader.parameters import workshop_secret
        from grader.settings import Settings

        settings = Settings.from_environment()
        self._secret = workshop_secret(settings)
        exercises = list(self.exercises.values())
        observer = self._resources.enter_context(open_observer(settings, exercises))
        judges = self._resources.enter_context(Judges(exercises))
        self._grader = Grader(observer, judges)
        return self._grader

    def _draw(self, exercise: Exercise, participant: str) -> dict[str, Value]:
        from grader.parameters import draw

        return draw(exercise, participant, lambda: self._secret)

    def close(self) -> None:
        """End what observed and judged."""
        self._resources.close()


_PROVER = pytest.StashKey[Prover]()
