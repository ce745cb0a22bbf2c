"""A grader whose control groups lie below those of a container, as a worker's do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from grader.model import Profile
from grader.sandbox.sandbox import Host

pytestmark = pytest.mark.sandbox

# What an engine does for a container: its own group in each hierarchy, as the root of all that it sees.
_CONTAINER = r"""
set -eu
group=$1; shift
for root in $1; do
  mkdir -p "$root/$group"
  # Under v1 a group of cpuset takes no process before it has processors.
  case $root in */cpuset)
    for file in cpuset.cpus cpuset.mems; do cat "$root/$file" >"$root/$group/$file"; done ;;
  esac
  echo $$ >"$root/$group/cgroup.procs"
done
roots=$1; shift
export roots
exec unshare --mount --cgroup -- sh -euc '
  for root in $roots; do
    if test -e "$root/cgroup.controllers"; then kind=cgroup2 options=rw
    else kind=cgroup options=$(basename "$root"); fi
    if test "$options" = systemd; then options=none,name=systemd; fi
    umount --lazy "$root"
    mount -t "$kind" -o "$options" "$kind" "$root"
  done
  exec "$@"' sh "$@"
"""


@pytest.fixture
def group(any_host: Host) -> Iterator[str]:
    """Name of a group that is removed afterwards."""
    name = f"grader-contained-{os.getpid()}"
    yield name
    deadline = time.monotonic() + 10
    left = [Path(root, name) for root in any_host.hierarchy.roots]
    while left and time.monotonic() < deadline:
        for top in left:
            for folder, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
        left = [top for top in left if top.is_dir()]
        time.sleep(0.05)
    assert not left


# What an engine does for health checks: a process enters the container's group and soon ends, endlessly.
_VISITS = r"""
trap exit TERM
while :; do
  for root in $2; do sh -c 'echo $$ >"$0/cgroup.procs"; exec sleep 0.03' "$root/$1" 2>/dev/null; done
done
"""


@contextmanager
def _visitors(group: str, roots: str) -> Iterator[None]:
    with subprocess.Popen(["sh", "-c", _VISITS, "visits", group, roots]) as visits:
        try:
            yield
        finally:
            visits.terminate()


def test_every_shell_profile_is_available_in_a_container(any_host: Host, group: str) -> None:
    """Under cgroup v2 all processes make room first: a group has either processes or controllers."""
    command = [sys.executable, "-m", "grader", "doctor", "--json"]
    roots = " ".join(any_host.hierarchy.roots)
    with _visitors(group, roots):
        done = subprocess.run(
            ["sh", "-c", _CONTAINER, "container", group, roots, *command],
            env=os.environ | {"GRADER_RUN_DIR": str(any_host.settings.run_dir)},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.stdout, done.stderr
    found = {profile["profile"]: profile for profile in json.loads(done.stdout)["profiles"]}
    for profile in (Profile.PLAIN, Profile.NAMESPACES, Profile.CGROUPS):
        assert found[profile]["available"], (found, done.stderr)
