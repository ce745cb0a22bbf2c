"""The path through the workshop: its sections, and the page about them (`python -m grader.exercise.path`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from grader.exercise.catalogue import Catalogue, folders
from grader.model import Exercise
from grader.settings import Settings

SECTIONS: Final = {
    "A": "What the kernel gives: control groups and namespaces",
    "B": "Containers, from start to removal",
    "C": "Images and Dockerfiles",
    "D": "Files, users, networks and the engine's socket",
    "E": "Environments for student projects",
    "F": "Several containers together",
    "G": "Questions",
}

_HEAD: Final = """# The path through the workshop

Whoever follows the workshop from its first line to its last can hand in every step, in this order. Sections
build on those before them; within a section an exercise may be left out. Sections A and G need no Docker at
all. What an exercise asks, and what is different for each participant, says
`grader show SLUG --participant NAME`, or its page in the browser.

This page is made from the exercises by `python -m grader.exercise.path`.

"""
_TABLE: Final = "| exercise | | hand in | minutes | points |\n|---|---|---|---:|---:|\n"


def to_markdown(exercises: Sequence[Exercise]) -> str:
    """Return the page about exercises that are in the order of the path."""
    parts = [_HEAD, f"All in all: {_sum(exercises)}.\n"]
    for letter, of_section in groupby(exercises, lambda exercise: exercise.section):
        listed = list(of_section)
        parts.append(
            f"\n## {letter}: {SECTIONS.get(letter, 'further exercises')}\n\n{_sum(listed)}\n\n{_TABLE}"
        )
        parts += [_row(exercise) for exercise in listed]
    return "".join(parts)


def _sum(exercises: Sequence[Exercise]) -> str:
    minutes = sum(exercise.minutes for exercise in exercises)
    points = sum(exercise.max_score for exercise in exercises)
    return f"{len(exercises)} exercises, {points:g} points, about {minutes / 60:.1f} hours"


def _row(exercise: Exercise) -> str:
    files = ", ".join(f"`{file.name}`" for file in exercise.files)
    return (
        f"| `{exercise.slug}` | {exercise.title} | {files} | {exercise.minutes} | {exercise.max_score:g} |\n"
    )


if __name__ == "__main__":
    sys.stdout.write(to_markdown(Catalogue(folders(Settings.from_environment())).usable()))
