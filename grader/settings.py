"""Where the grader keeps its things and what it may use, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grader.errors import GraderError

_LEAST_ROOM: Final = 1 << 30
_MOST_PATIENCE: Final = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process.

    Attributes:
        state_dir: ``GRADER_STATE_DIR``: root file systems and images; kept between runs.
        run_dir: ``GRADER_RUN_DIR``: running sandboxes; empty when nothing runs. Else `/run/grader`, or
            `/dev/shm/grader` where `/run` lies on a disk.
        runtime: ``GRADER_RUNTIME``: ``crun``, ``runc``, or empty for the first of them that is there.
        exercises: ``GRADER_EXERCISES``: folders of exercises besides the bundled ones, separated by ``:``.
        secret: ``GRADER_SECRET`` or the content of ``GRADER_SECRET_FILE``: what participants' values are
            drawn from. Empty: one that is made at first use and kept in the state directory.
        engines: ``GRADER_ENGINES``: how many disposable engines are kept ready.
        patience: ``GRADER_PATIENCE``: how many times as long as exercises say an answer may take.
    """

    state_dir: Path = Path("/var/lib/grader")
    run_dir: Path = Path("/run/grader")
    runtime: str = ""
    exercises: tuple[Path, ...] = ()
    secret: str = ""
    engines: int = 2
    patience: float = 1.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            GraderError: One of them has no meaning; the message names it.
        """
        runtime = environment.get("GRADER_RUNTIME", "")
        if runtime not in {"", "crun", "runc"}:
            raise GraderError(f"GRADER_RUNTIME is {runtime!r}: crun and runc are known")
        engines = environment.get("GRADER_ENGINES") or "2"
        if not engines.isascii() or not engines.isdigit():
            raise GraderError(f"GRADER_ENGINES is {engines!r}: it takes a number")
        return cls(
            state_dir=Path(environment.get("GRADER_STATE_DIR") or "/var/lib/grader").absolute(),
            run_dir=Path(environment.get("GRADER_RUN_DIR") or default_run_dir()).absolute(),
            runtime=runtime,
            exercises=tuple(
                Path(folder).absolute()
                for folder in environment.get("GRADER_EXERCISES", "").split(os.pathsep)
                if folder
            ),
            secret=_secret(environment),
            engines=int(engines),
            patience=_patience(environment.get("GRADER_PATIENCE") or "1"),
        )


def _patience(text: str) -> float:
    try:
        patience = float(text)
    except ValueError:
        patience = 0
    if not 1 <= patience <= _MOST_PATIENCE:
        raise GraderError(f"GRADER_PATIENCE is {text!r}: it takes a number from 1 to {_MOST_PATIENCE}")
    return patience


def default_run_dir() -> Path:
    """Return where running sandboxes are kept: in memory, as `/run` is wherever an init system made it.

    On a disk each sandbox costs several milliseconds of the kernel's time more. `/dev/shm` takes its place
    where that has room for sandboxes; containers get 64 MiB.
    """
    shared = "/dev/shm"  # noqa: S108  (whose directory it is, is checked where sandboxes are made)
    try:
        run_on_disk = os.stat("/run").st_dev == os.stat("/").st_dev
        shared_on_its_own = os.stat(shared).st_dev not in {os.stat("/dev").st_dev, os.stat("/").st_dev}
        room = os.statvfs(shared)
    except OSError:
        return Path("/run/grader")
    roomy = room.f_blocks * room.f_frsize >= _LEAST_ROOM
    return Path(shared if run_on_disk and shared_on_its_own and roomy else "/run", "grader")


def _secret(environment: Mapping[str, str]) -> str:
    file = environment.get("GRADER_SECRET_FILE")
    if not file:
        return environment.get("GRADER_SECRET", "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise GraderError(f"GRADER_SECRET_FILE: {error}") from error
