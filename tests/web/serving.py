"""A whole service for tests: `grader serve` as anybody starts it, on a port and a database of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from grader.settings import Settings
from tests.servers import bury_adopted, free_port

JOIN_CODE = "open-sesame"
_PATIENCE = 90.0


class Serving:
    """One `grader serve` at a time, which can be started again on what the former one kept."""

    def __init__(self, folder: Path, **more: str) -> None:
        """Prepare one that keeps everything in a folder, with `more` settings."""
        self._log = folder / "serve.log"
        self.run_dir = Path(f"/run/grader-test-{os.getpid()}-{folder.name}")
        state = folder / "state"
        state.mkdir()
        for path in (folder, *folder.parents[:2]):
            path.chmod(path.stat().st_mode | 0o011)  # runtimes pass through as somebody else
        # Images take minutes to make: the machine's are used.
        (state / "images").symlink_to(Settings.from_environment().state_dir / "images")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "GRADER_EXERCISES"}
        } | {
            "GRADER_STATE_DIR": str(state),
            "GRADER_RUN_DIR": str(self.run_dir),
            "GRADER_JOIN_CODE": JOIN_CODE,
            "GRADER_ENGINES": "0",
            "GRADER_JOBS": "2",
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it and wait until a worker is heard of."""
        self._log.write_bytes(b"")
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "grader", "serve", "--port", str(self.port), *arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self.until_ready()

    def until_ready(self) -> None:
        """Wait until submissions are taken and graded."""
        end = time.monotonic() + _PATIENCE
        while not self._ready():
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)

    def end(self) -> None:
        """Make sure that nothing of it runs any more."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        bury_adopted()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def log(self) -> str:
        """Return what it has written."""
        return self._log.read_text(errors="replace")

    def password(self) -> str | None:
        """Return the instructor's password if it was told."""
        found = re.search(r"with the password (\S+)", self.log())
        return found[1] if found else None

    def children(self, word: str) -> list[int]:
        """Return the processes below it that have such an argument."""
        assert self.process is not None
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if word in Path(f"/proc/{pid}/cmdline").read_text().split("\0")]
