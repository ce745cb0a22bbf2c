"""A grader that starts something, says so, and waits to be killed: the tests of the reaper run it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from grader.model import Limits, Profile
from grader.sandbox import images
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host, Sandbox
from grader.settings import Settings


def main(run_dir: str, runtime: str, kind: str, lifetime: str) -> None:
    """Start a sandbox of `kind` (a profile, or ``made`` for one that runs nothing yet)."""
    host = Host.prepare(Settings.from_environment({"GRADER_RUN_DIR": run_dir, "GRADER_RUNTIME": runtime}))
    limits = Limits(wall_seconds=float(lifetime), memory_bytes=400 << 20, disk_bytes=100 << 20, pids=300)
    if kind == Profile.DOCKER:
        engine = Engine(host, limits)
        engine.start()
        sandbox = engine.sandbox
    else:
        profile = Profile.PLAIN if kind == "made" else Profile(kind)
        sandbox = Sandbox(host, profile, limits, lifetime=float(lifetime))
    if kind not in ("made", Profile.DOCKER):
        log = os.memfd_create("log")
        script = "trap '' TERM INT HUP; setsid sleep 999 & sleep 999 & wait; sleep 999"
        base = str(images.rootfs(host.settings, "base"))
        sandbox.launch(base, ("/bin/bash", "-c", script), stdout=log, stderr=log)
    sys.stdout.write(f"{sandbox.name} {sandbox.first_id} {Path(sandbox.directory).name}\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
