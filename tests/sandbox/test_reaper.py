"""What graders that died leave behind is removed; what living ones need is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.sandbox import attempt, cgroup, identity
from grader.sandbox.reaper import reap
from grader.sandbox.sandbox import Host
from grader.settings import Settings
from tests.leftovers import left_in

pytestmark = pytest.mark.sandbox

CRASH = Path(__file__).with_name("crash.py")
Buried = Callable[[int], bool]
Inhabitants = Callable[[int], list[int]]
Start = Callable[..., tuple[subprocess.Popen[str], str, int]]


@pytest.fixture
def own(settings: Settings) -> Iterator[Settings]:
    """Settings with a directory of running sandboxes that this test alone uses."""
    run_dir = settings.run_dir.with_name(f"{settings.run_dir.name}-own")
    yield Settings(state_dir=settings.state_dir, run_dir=run_dir)
    shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture
def start(own: Settings, buried: Buried) -> Iterator[Start]:
    """Start a grader and return its process, its sandbox's name and the first of its ids."""
    graders: list[subprocess.Popen[str]] = []
    ranges: list[int] = []

    def run(runtime: str, kind: str, lifetime: float = 60.0) -> tuple[subprocess.Popen[str], str, int]:
        command = [sys.executable, str(CRASH), str(own.run_dir), runtime, kind, str(lifetime)]
        grader = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=Path.cwd()
        )
        graders.append(grader)
        assert grader.stdout is not None
        name, first, _ = grader.stdout.readline().split()
        ranges.append(int(first))
        return grader, name, int(first)

    yield run
    for grader in graders:
        grader.kill()
        grader.wait()
        assert grader.stdout is not None
        grader.stdout.close()
    reap(own)
    for first in ranges:
        assert buried(first)


def _gone(own: Settings, name: str) -> bool:
    """Return whether nothing of sandbox `name` is left but ended processes."""
    groups = [group for group in cgroup.detect().groups(name) if os.path.exists(group)]
    return not groups and not left_in(own.run_dir)


@pytest.mark.parametrize("kind", ["made", "plain", "namespaces", "cgroups"])
def test_a_killed_graders_sandbox_is_removed(
    host: Host, own: Settings, start: Start, kind: str, buried: Buried, inhabitants: Inhabitants
) -> None:
    """Processes, groups, directories and the claim on its ids, at whatever point it was killed."""
    grader, name, first = start(host.runtime.name, kind)
    assert kind == "made" or inhabitants(first)
    grader.kill()
    grader.wait()
    reaped = reap(own)
    assert (reaped.removed, reaped.failed) == ((name,), ())
    assert _gone(own, name)
    assert buried(first)


@pytest.mark.engine
def test_a_killed_graders_engine_is_removed(
    host: Host, own: Settings, start: Start, buried: Buried, inhabitants: Inhabitants
) -> None:
    """With everything that dockerd has started and mounted."""
    grader, name, first = start(host.runtime.name, "docker")
    assert len(inhabitants(first)) >= 2
    grader.kill()
    grader.wait()
    assert reap(own).removed == (name,)
    assert _gone(own, name)
    assert buried(first)
    assert str(own.run_dir) not in Path("/proc/self/mountinfo").read_text()


def test_a_living_graders_sandbox_is_left_alone(
    any_host: Host, own: Settings, start: Start, inhabitants: Inhabitants
) -> None:
    """However often the reaper comes by."""
    grader, _name, first = start(any_host.runtime.name, "plain")
    for _ in range(3):
        assert reap(own).removed == ()
    assert inhabitants(first)
    assert len(left_in(own.run_dir)) == 2  # its directory and its claim
    assert grader.poll() is None


def test_a_sandbox_past_its_deadline_is_removed(
    any_host: Host, own: Settings, start: Start, buried: Buried
) -> None:
    """Even from a grader that lives and hangs."""
    grader, name, first = start(any_host.runtime.name, "plain", 0.2)
    time.sleep(0.3)
    assert reap(own).removed == (name,)
    assert grader.poll() is None
    grader.kill()  # who was hanging would collect its dead otherwise
    grader.wait()
    assert _gone(own, name)
    assert buried(first)


def test_a_stopped_grader_still_answers_for_its_sandbox(
    any_host: Host, own: Settings, start: Start, inhabitants: Inhabitants
) -> None:
    """Who is stopped, or debugged, is not dead."""
    grader, _, first = start(any_host.runtime.name, "plain")
    grader.send_signal(signal.SIGSTOP)
    assert reap(own).removed == ()
    assert inhabitants(first)


def test_a_pid_that_was_used_again_is_not_the_grader(settings: Settings, own: Settings) -> None:
    """A process is known by its pid and the time of its start."""
    made = attempt.make(own.run_dir, cgroup.detect(), 60)
    file = Path(made.directory, "owner.json")
    mine = f'"start_ticks":{attempt._start_ticks(os.getpid())}'
    assert mine in file.read_text()
    assert reap(own).removed == ()
    file.write_text(file.read_text().replace(mine, '"start_ticks":1'))
    assert reap(own).removed == (made.name,)


def test_half_made_attempts_are_removed_later(own: Settings) -> None:
    """A directory without an owner is given a minute, a claim without a directory none."""
    attempts, claims = attempt.layout(own.run_dir)
    young, old = Path(attempts, "young"), Path(attempts, "old")
    for folder in (young, old):
        folder.mkdir()
    (old / "owner.json").write_text("{broken")
    os.utime(old, (1, 1))
    identity.claim(Path(claims), f"{attempts}/nobody")
    kept = identity.claim(Path(claims), str(young))
    assert reap(own).removed == ("old",)
    assert sorted(left_in(own.run_dir)) == sorted([young, kept.claim])
    young.rmdir()
    kept.release()


def test_ids_of_a_run_directory_that_cannot_be_seen_are_kept_for_a_day(own: Settings) -> None:
    """It may be that of a grader in another container."""
    _, claims = attempt.layout(own.run_dir)
    elsewhere = identity.claim(Path(claims), "/run/of-another-container/attempts/one")
    reap(own)
    assert elsewhere.claim.is_symlink()
    os.utime(elsewhere.claim, (1, 1), follow_symlinks=False)
    reap(own)
    assert not elsewhere.claim.is_symlink()


def test_what_is_overdue_in_another_container_is_left_to_graders_there(own: Settings) -> None:
    """As long as its own grader lives: only from there its control groups can be reached."""
    made = attempt.make(own.run_dir, cgroup.detect(), -1)
    file = Path(made.directory, "owner.json")
    here = file.read_text()
    view = f'"view":{attempt._view()}'
    assert view in here
    file.write_text(here.replace(view, '"view":1'))
    assert reap(own).removed == ()
    file.write_text(here)
    assert reap(own).removed == (made.name,)


def test_a_range_that_another_has_now_is_not_released(own: Settings) -> None:
    """Releasing twice frees nobody else's ids."""
    _, claims = attempt.layout(own.run_dir)
    mine = identity.claim(Path(claims), "mine")
    mine.release()
    mine.claim.symlink_to("another")
    mine.release()
    assert os.readlink(mine.claim) == "another"
    mine.claim.unlink()


def test_a_group_without_any_record_is_removed(any_host: Host, own: Settings, start: Start) -> None:
    """Even where the run directory and the claim are gone, the control group shows what was left."""
    grader, name, _first = start(any_host.runtime.name, "plain")
    grader.kill()
    grader.wait()
    for path in left_in(own.run_dir):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    assert name in reap(own).removed
    assert _gone(own, name)


@pytest.mark.slow
def test_reaping_twice_and_at_once_is_harmless(
    any_host: Host, own: Settings, start: Start, buried: Buried
) -> None:
    """Several reapers may run, and each removes what the others have not."""
    graders = [start(any_host.runtime.name, "plain") for _ in range(3)]
    for grader, _, _ in graders:
        grader.kill()
        grader.wait()
    code = (
        "import sys; from pathlib import Path; from grader.settings import Settings;"
        " from grader.sandbox.reaper import reap;"
        " sys.exit(bool(reap(Settings(run_dir=Path(sys.argv[1]))).failed))"
    )
    reapers = [subprocess.Popen([sys.executable, "-c", code, str(own.run_dir)]) for _ in range(3)]
    assert [reaper.wait(20) for reaper in reapers] == [0, 0, 0]
    assert all(_gone(own, name) and buried(first) for _, name, first in graders)
