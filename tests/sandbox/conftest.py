"""What tests of engines share: one engine for a file, and commands in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from grader.model import MIB, Limits
from grader.sandbox import processes
from grader.sandbox.engine import Engine
from grader.sandbox.identity import IDS
from grader.sandbox.sandbox import Host

ENGINE_LIMITS = Limits(memory_bytes=512 * MIB, pids=400, cpus=2.0, disk_bytes=200 * MIB, wall_seconds=120)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command in an engine came to."""

    stdout: str
    stderr: str
    code: int | None
    ended: str
    wall_ms: float

    @property
    def lines(self) -> list[str]:
        """Standard output by lines."""
        return self.stdout.splitlines()


def run_shell(
    engine: Engine, script: str, *args: str, seconds: float = 30.0, env: dict[str, str] | None = None
) -> Ran:
    """Run a bash script beside dockerd."""
    output, code = engine.execute(
        ("/bin/bash", "-c", script, "answer", *args), wall_seconds=seconds, output_bytes=1 << 20, env=env
    )
    out, err = (text.decode(errors="replace") for text in (output.stdout, output.stderr))
    return Ran(out, err, code, output.ended, output.wall_ms)


@pytest.fixture
def buried(inhabitants: Callable[[int], list[int]]) -> Callable[[int], bool]:
    """Return whether no process of the range that begins at a number is left, or soon will be."""

    def wait(first: int) -> bool:
        deadline = time.monotonic() + 2
        while inhabitants(first) and time.monotonic() < deadline:
            # Orphans of a grader that this process started are ours, for it adopts them.
            processes.bury_orphans("crun", range(first, first + IDS), 0)
            processes.bury_orphans("runc", range(0), 0)
            time.sleep(0.02)
        return not inhabitants(first)

    return wait


@pytest.fixture(scope="module")
def engine(host: Host) -> Iterator[Engine]:
    """One engine for all tests of a file, by every runtime in turn."""
    with Engine(host, ENGINE_LIMITS) as engine:
        engine.start()
        yield engine


@pytest.fixture
def shell(engine: Engine) -> Callable[..., Ran]:
    """Run a bash script beside that engine."""

    def run(script: str, *args: str, **options: object) -> Ran:
        return run_shell(engine, script, *args, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def fresh_engine(any_host: Host) -> Iterator[Engine]:
    """An engine that a test may destroy."""
    with Engine(any_host, ENGINE_LIMITS) as engine:
        engine.start()
        yield engine
