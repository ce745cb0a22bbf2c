"""Where the grader keeps its things and what it may use, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process.

    Attributes:
        state_dir: ``GRADER_STATE_DIR``: root file systems and images; kept between runs.
        run_dir: ``GRADER_RUN_DIR``: running sandboxes; empty when nothing runs.
        runtime: ``GRADER_RUNTIME``: ``crun``, ``runc``, or empty for the first of them that is there.
        exercises: ``GRADER_EXERCISES``: folders of exercises besides the bundled ones, separated by ``:``.
        secret: ``GRADER_SECRET`` or the content of ``GRADER_SECRET_FILE``: what participants' values are
            drawn from. Empty: one that is made at first use and kept in the state directory.
        engines: ``GRADER_ENGINES``: how many disposable engines are kept ready.
    """

    state_dir: Path = Path("/var/lib/grader")
    run_dir: Path = Path("/run/grader")
    runtime: str = ""
    exercises: tuple[Path, ...] = ()
    secret: str = ""
    engines: int = 2

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            GraderError: One of them has no meaning; the message names it.
        """
        runtime = environment.get("GRADER_RUNTIME", "")
        if runtime not in {"", "crun", "runc"}:
            raise GraderError(f"GRADER_RUNTIME is {runtime!r}: crun and runc are known")
        engines = environment.get("GRADER_ENGINES", "2")
        if not engines.isascii() or not engines.isdigit():
            raise GraderError(f"GRADER_ENGINES is {engines!r}: it takes a number")
        return cls(
            state_dir=Path(environment.get("GRADER_STATE_DIR") or "/var/lib/grader").absolute(),
            run_dir=Path(environment.get("GRADER_RUN_DIR") or "/run/grader").absolute(),
            runtime=runtime,
            exercises=tuple(
                Path(folder).absolute()
                for folder in environment.get("GRADER_EXERCISES", "").split(os.pathsep)
                if folder
            ),
            secret=_secret(environment),
            engines=int(engines),
        )


def _secret(environment: Mapping[str, str]) -> str:
    file = environment.get("GRADER_SECRET_FILE")
    if not file:
        return environment.get("GRADER_SECRET", "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise GraderError(f"GRADER_SECRET_FILE: {error}") from error
