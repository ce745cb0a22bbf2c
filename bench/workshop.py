"""Writes the exercises and answers that are measured: as small as an exercise can be, and always right."""

from __future__ import annotations

from pathlib import Path

from grader.exercise.folder import load
from grader.model import Exercise

PLAIN = "bench-plain"
COMMANDS = "bench-commands"
BUILD = "bench-build"

_MANIFEST = """\
title = "Measured"
section = "A"
profile = "{profile}"

[[files]]
name = "{file}"
kind = "{kind}"
"""

_CHECKS = '''\
"""One check that looks at what ended."""

from grader.check import Evidence, Feedback, check


@check("It ended well", points=1)
def ended_well(evidence: Evidence) -> Feedback | None:
    return None if {wanted} else Feedback("status", "It did not end well.")
'''

_ENDED = "evidence.run.exit_code == 0"
_BUILT = "evidence.build.ok"

SCRIPT = "exit 0\n"
"""The plain answer: what is measured is everything around it."""

DOCKER_SCRIPT = """\
docker run --rm --network none debian:trixie true
docker run --detach --network none --name one debian:trixie sleep 600
docker exec one true
docker rm --force one
"""
"""The docker answer: what an exercise on the life of a container asks for."""

DOCKERFILE = """\
FROM debian:trixie
RUN echo one >/one
RUN echo two >/two
COPY Dockerfile /three
"""
"""The Dockerfile answer: three steps on the Debian base."""


def write_exercises(folder: Path) -> None:
    """Write the exercises into `folder`."""
    _write(folder / PLAIN, profile="plain", file="answer.sh", kind="shell", wanted=_ENDED)
    _write(folder / COMMANDS, profile="docker", file="answer.sh", kind="shell", wanted=_ENDED)
    _write(folder / BUILD, profile="docker", file="Dockerfile", kind="dockerfile", wanted=_BUILT)


def read_exercise(folder: Path, slug: str) -> Exercise:
    """Read one of the exercises in `folder`."""
    return load(folder / slug)


def write_answers(folder: Path, slug: str, file: str, content: str, count: int) -> None:
    """Write `count` participants' answers into `folder`, as `grader batch` reads them."""
    for number in range(count):
        answer = folder / f"participant-{number:04}" / slug
        answer.mkdir(parents=True)
        (answer / file).write_text(content)


def _write(folder: Path, *, profile: str, file: str, kind: str, wanted: str) -> None:
    folder.mkdir(parents=True)
    (folder / "exercise.toml").write_text(_MANIFEST.format(profile=profile, file=file, kind=kind))
    (folder / "README.md").write_text("# Measured\n\nAnything that ends well.\n")
    (folder / "checks.py").write_text(_CHECKS.format(wanted=wanted))
