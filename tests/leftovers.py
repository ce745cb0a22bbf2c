"""What sandboxes leave on the disk: nothing, once they are gone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from grader.sandbox import attempt


def left_in(run_dir: Path) -> list[Path]:
    """Return the attempts below `run_dir`, and the claims on ids that were made for any."""
    mine = [
        claim
        for claim in Path(attempt.CLAIMS).glob("*")
        if (directory := _directory_of(claim)) is not None and directory.is_relative_to(run_dir)
    ]
    return [*(run_dir / "attempts").glob("*"), *mine]


def used_in(run_dir: Path) -> list[Path]:
    """Return the same, but for sandboxes that a living grader has made beforehand for answers to come."""
    ready = {directory for directory in (run_dir / "attempts").glob("*") if _waits(directory)}
    return [path for path in left_in(run_dir) if path not in ready and _directory_of(path) not in ready]


def _waits(directory: Path) -> bool:
    owner = attempt.read_owner(directory)
    with suppress(FileNotFoundError):
        return owner is not None and owner.lives() and not any((directory / "answer").iterdir())
    return False


def _directory_of(claim: Path) -> Path | None:
    with suppress(OSError):
        return Path(os.readlink(claim))
    return None
