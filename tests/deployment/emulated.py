"""The command `python -m tests.deployment.emulated`: docker-compose.yml on a machine that has cgroup v2 only.

Images are built here, where an emulated machine would take an hour; the engine, the service and the
tests in test_compose.py run there. Arguments are those of tests/cgroup2/run.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from grader.sandbox import images
from grader.settings import Settings
from tests.deployment.conftest import ROOT, bring_images, build, builder, describe, make_secrets
from tests.deployment.engine import HostEngine

# Since Linux 6.6 an engine in a worker needs no loop devices; this suite has 6.12.
_KERNEL = "trixie"
_TESTS = "only_workers or every_profile or get_their_verdicts or nothing_is_left"


def main() -> int:
    """Run, and return pytest's exit code."""
    command = [
        *(sys.executable, "tests/cgroup2/run.py", "--kernel", _KERNEL, "--show", str(_prepared())),
        *("--deadline", "2400", *sys.argv[1:], "-x", "-v", "-k", _TESTS, "tests/deployment/test_compose.py"),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _prepared() -> Path:
    """Build the images, and return the data of an engine that holds them and the volumes.

    Making a database takes an emulated machine minutes, too.
    """
    settings = Settings.from_environment()
    data = settings.state_dir / "vm" / "prepared"
    with builder(settings) as engine:
        names = build(describe(engine))
        ids = engine.run("docker", "image", "inspect", "--format", "{{.Id}}", *names).stdout
        digest = f"{ids}{images.golden(settings).path.resolve()}\n"
        if (data / "digest").is_file() and (data / "digest").read_text() == digest:
            return data
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        archive = engine.data / "images.tar"
        engine.run("docker", "save", "--output", str(archive), *names, seconds=300)
    archive = archive.rename(data / archive.name)
    with HostEngine(settings, data, ROOT) as engine:
        engine.run("docker", "load", "--input", str(archive), seconds=600)
        archive.unlink()
        service = describe(engine)
        make_secrets(service)
        bring_images(service)
        service.compose("up", "--detach", "--wait", "postgres")
        service.compose("down")
    (data / "digest").write_text(digest)
    return data


if __name__ == "__main__":
    sys.exit(main())
