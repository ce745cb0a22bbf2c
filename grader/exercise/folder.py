"""Reads one exercise's folder."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from grader.errors import ExerciseError
from grader.exercise import checks_file, manifest
from grader.model import Exercise
from grader.parameters import require_known

SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load(folder: Path) -> Exercise:
    """Read the exercise in `folder`, whose name is its slug.

    Raises:
        ExerciseError: Something in it is missing or wrong; the message names the file and the place.
    """
    folder = folder.absolute()
    shown = shown_path(folder)
    if not SLUG.fullmatch(folder.name):
        raise ExerciseError(f"{shown}: a folder's name is its slug: small letters, digits and single hyphens")
    described = manifest.read(folder / "exercise.toml", f"{shown}/exercise.toml")
    checks = checks_file.load(folder, described.points, shown)
    text = _text(folder / "README.md", shown)
    require_known(f"{shown}/README.md", text, described.parameters)
    image = folder / "image"
    if image.is_dir() and not (image / "Dockerfile").is_file():
        raise ExerciseError(f"{shown}/image: it holds no Dockerfile")
    return Exercise(
        slug=folder.name,
        title=described.title,
        section=described.section,
        profile=described.profile,
        files=described.files,
        limits=described.limits,
        parameters=described.parameters,
        watch=described.watch,
        probes=described.probes,
        checks=checks,
        digest=digest(folder),
        folder=folder,
        text=text,
        minutes=described.minutes,
        hints=described.hints,
        image=image if image.is_dir() else None,
        setup=_setup(folder, described.setup, shown),
        copied_answer_fails=described.copied_answer_fails,
    )


def digest(folder: Path) -> str:
    """Return the digest of everything in `folder` that decides a verdict: all but text and samples."""
    total = hashlib.sha256()
    for path in sorted(_deciding_files(folder)):
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        total.update(os.fsencode(path.relative_to(folder)) + b"\0")
        total.update(hashlib.sha256(content).digest())
    return f"sha256:{total.hexdigest()}"


def _deciding_files(folder: Path) -> list[Path]:
    found = []
    for root, folders, files in os.walk(folder):
        top = Path(root) == folder
        folders[:] = [
            name for name in folders if name != "__pycache__" and not (top and name == "submissions")
        ]
        found += [Path(root, name) for name in files if not (top and name == "README.md")]
    return found


def _text(path: Path, shown: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ExerciseError(f"{shown}/README.md: {error}") from error
    if not text.strip():
        raise ExerciseError(f"{shown}/README.md: it is empty, and it should be the task")
    return text


def _setup(folder: Path, name: str | None, shown: str) -> str | None:
    if name is None:
        return None
    place = f"{shown}/exercise.toml: $.setup"
    if "/" in name:
        raise ExerciseError(f"{place}: {name!r} is no file's name")
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ExerciseError(f"{place}: {error}") from error


def shown_path(path: Path) -> str:
    """Return a path as messages show it: from the current folder where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
