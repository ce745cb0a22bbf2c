"""Finds exercises in folders: the bundled ones and those from outside."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grader.errors import ExerciseError, GraderError
from grader.exercise.folder import SLUG, load, shown_path
from grader.model import Exercise
from grader.settings import Settings

_PIECES: Final = re.compile(r"(\D*)(\d*)")


class UnknownExerciseError(GraderError):
    """No exercise has this slug."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An exercise that cannot be used, and why."""

    slug: str
    folder: Path
    reason: str


class Catalogue:
    """Exercises by slug; each is read when it is first asked for, and one that is broken hides no other."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Look which exercises there are.

        Args:
            folders: Whose subfolders with an `exercise.toml` are exercises.

        Raises:
            GraderError: One of them is no folder, or two exercises have the same slug.
        """
        self._folders: dict[str, Path] = {}
        self._found: dict[str, Exercise | Broken] = {}
        for folder in dict.fromkeys(path.absolute() for path in folders):
            self._look(folder)

    def _look(self, folder: Path) -> None:
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        except OSError as error:
            raise GraderError(f"exercises in {shown_path(folder)}: {error.strerror}") from error
        for name in names:
            path = folder / name
            if not (path / "exercise.toml").exists():
                continue
            if name in self._folders:
                raise ExerciseError(
                    f"two exercises are called {name}: "
                    f"{shown_path(self._folders[name])} and {shown_path(path)}"
                )
            self._folders[name] = path

    def __contains__(self, slug: object) -> bool:
        return slug in self._folders

    @property
    def slugs(self) -> tuple[str, ...]:
        """Every slug, broken ones too, in the order of their words, with numbers by size: c9 before c10."""
        return tuple(sorted(self._folders, key=_natural))

    def look_up(self, slug: str) -> Exercise | Broken:
        """Return an exercise, or why it cannot be used.

        Raises:
            UnknownExerciseError: There is none of this slug.
        """
        if slug not in self._found:
            folder = self._folders.get(slug)
            if folder is None:
                raise UnknownExerciseError(self._unknown(slug))
            try:
                self._found[slug] = load(folder)
            except ExerciseError as error:
                self._found[slug] = Broken(slug, folder, str(error))
        return self._found[slug]

    def get(self, slug: str) -> Exercise:
        """Return an exercise.

        Raises:
            UnknownExerciseError: There is none of this slug.
            ExerciseError: It is broken.
        """
        found = self.look_up(slug)
        if isinstance(found, Broken):
            raise ExerciseError(found.reason)
        return found

    def usable(self) -> tuple[Exercise, ...]:
        """Return the exercises that are not broken."""
        found = (self.look_up(slug) for slug in self.slugs)
        return tuple(exercise for exercise in found if isinstance(exercise, Exercise))

    def _unknown(self, slug: str) -> str:
        if not self._folders:
            return f"unknown exercise {slug!r}: there are none; --exercises DIR names a folder of exercises"
        near = difflib.get_close_matches(slug, self._folders, 1)
        return f"unknown exercise {slug!r}" + (
            f"; did you mean {near[0]}?" if near else "; `grader list` shows what there is"
        )


def _natural(slug: str) -> tuple[tuple[str, int], ...]:
    """Return a key by which `c9-x` comes before `c10-x`: pairs of a text and the number that follows it."""
    return tuple((text, int(number or -1)) for text, number in _PIECES.findall(slug))


def folders(settings: Settings, more: Iterable[Path] = ()) -> list[Path]:
    """Return the folders of exercises: the bundled one where there is one, the settings', and `more`."""
    bundled = Path(__file__).resolve().parents[2] / "exercises"
    found = [bundled] if bundled.is_dir() else []
    return [*found, *settings.exercises, *more]


def is_slug(text: str) -> bool:
    """Return whether `text` can be an exercise's slug."""
    return SLUG.fullmatch(text) is not None
