"""What tests of the command line share: exercises of their own, and commands run in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader import cli
from grader.model import Exercise
from grader.observe import observer
from grader.settings import Settings
from tests.literals import Written, write_exercise


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str


class WrittenObserver(Written):
    """Observes as `Written` does, and is made as the real observer is."""

    def __init__(self, settings: Settings, exercises: Iterable[Exercise] = ()) -> None:
        super().__init__()

    def __enter__(self) -> WrittenObserver:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture
def exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of exercises with one in it, and a place for the workshop's secret."""
    folder = tmp_path / "exercises"
    write_exercise(folder)
    monkeypatch.setenv("GRADER_EXERCISES", str(folder))
    monkeypatch.setenv("GRADER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path / "run"))
    return folder


@pytest.fixture
def run(
    exercises: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run a command; evidence is read off the answer instead of observed."""
    monkeypatch.setattr(observer, "Observer", WrittenObserver)
    logging.getLogger("grader").setLevel(logging.NOTSET)

    def run(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        found = capfd.readouterr()
        return Ran(code, found.out, found.err)

    return run
