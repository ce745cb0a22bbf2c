"""Settings and their defaults; where sandboxes are kept is seen from mount namespaces where that differs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import GraderError, SandboxError
from grader.sandbox import attempt
from grader.settings import Settings

PRINT = "from grader.settings import Settings; print(Settings.from_environment({}).run_dir)"
ON_DISK = "mount --bind / /mnt && mount --bind /mnt/srv /run"
IN_MEMORY = "mount -t tmpfs run /run"


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (f"{IN_MEMORY} && mount -t tmpfs -o size=2g shm /dev/shm", "/run/grader"),
        (f"{ON_DISK} && mount -t tmpfs -o size=2g shm /dev/shm", "/dev/shm/grader"),
        (f"{ON_DISK} && mount -t tmpfs -o size=64m shm /dev/shm", "/run/grader"),
        (f"{ON_DISK} && mount --bind /mnt/srv /dev/shm", "/run/grader"),
    ],
    ids=["run-in-memory", "run-on-disk", "no-room-in-memory", "no-memory"],
)
def test_running_sandboxes_are_kept_in_memory(mounts: str, expected: str) -> None:
    script = f'{mounts} && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, sys.executable, PRINT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_a_directory_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    os.chown(run_dir, 12_345, 12_345)
    with pytest.raises(SandboxError, match="belongs to another user"):
        attempt.layout(run_dir)


def test_what_is_empty_has_its_default() -> None:
    """As .env.example says."""
    empty = dict.fromkeys(("GRADER_ENGINES", "GRADER_PATIENCE", "GRADER_RUNTIME", "GRADER_STATE_DIR"), "")
    assert Settings.from_environment(empty) == Settings.from_environment({})


@pytest.mark.parametrize("text", ["0.5", "101", "nan", "much"])
def test_patience_is_a_number_from_one_on(text: str) -> None:
    assert Settings.from_environment({"GRADER_PATIENCE": "2.5"}).patience == 2.5
    with pytest.raises(GraderError, match="GRADER_PATIENCE"):
        Settings.from_environment({"GRADER_PATIENCE": text})
