"""What tests share: hosts by runtime, sandboxes run in one call, and a proof that nothing was left behind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from msgspec.structs import replace

from grader.errors import UnavailableError
from grader.model import Limits, Profile
from grader.observe.target import Target
from grader.sandbox import attempt, cgroup, identity, images, processes, runtime
from grader.sandbox.pump import Pump, Tick
from grader.sandbox.sandbox import Host, Sandbox
from grader.settings import Settings
from tests.leftovers import left_in

# How many times slower than an ordinary one this machine is: an emulated one is. Deadlines are stretched by
# it, and times are given as an ordinary machine's.
SLOWNESS = float(os.environ.get("GRADER_TEST_SLOWNESS", "1"))


# How fast examples are made and tried says more about the machine's other work than about the code.
hypothesis.settings.register_profile(
    "any-machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("any-machine")


@dataclass(frozen=True, slots=True)
class Result:
    """What one run in a sandbox came to; times are divided by `SLOWNESS`.

    Attributes:
        code: Exit status of the first process as a shell says it, or ``None`` where it was ended.
        wall_ms: From its start until the pump returned.
        end_ms: From there until nothing of it was left.
        own_ms: Processor time that this process spent meanwhile.
        used_ms: Processor time used inside.
        peak_bytes: Most memory that its group held.
        oom_kills: Victims counted by its group and those inside it (v1: by its own only).
        forks_refused: How often its group hit the limit of processes.
    """

    stdout: str
    stderr: str
    code: int | None
    ended: str
    wall_ms: float
    end_ms: float
    own_ms: float
    used_ms: float
    peak_bytes: int
    oom_kills: int
    forks_refused: int
    target: Target

    @property
    def lines(self) -> list[str]:
        """Standard output by lines."""
        return self.stdout.splitlines()


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings with the machine's images and running sandboxes of our own."""
    run_dir = Path(f"/run/grader-test-{os.getpid()}")
    yield Settings(state_dir=Settings.from_environment().state_dir, run_dir=run_dir)
    shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture(scope="session", params=runtime.KNOWN)
def host(request: pytest.FixtureRequest, settings: Settings) -> Host:
    """The machine, by every runtime in turn."""
    return _host(settings, request.param)


@pytest.fixture(scope="session")
def any_host(settings: Settings) -> Host:
    """The machine, by the runtime that the grader would choose."""
    return _host(settings, "")


def _host(settings: Settings, name: str) -> Host:
    try:
        return Host.prepare(Settings(state_dir=settings.state_dir, run_dir=settings.run_dir, runtime=name))
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def base(settings: Settings) -> str:
    """Root file system of the shell profiles."""
    return str(images.rootfs(settings, "base"))


@pytest.fixture
def inhabitants() -> Callable[[int], list[int]]:
    """List the processes of the sandbox whose ids begin at a number."""
    return _inhabitants


@pytest.fixture
def run_in(host: Host, base: str) -> Callable[..., Result]:
    """Run a bash script in a sandbox of every runtime in turn."""
    return _runner(host, base)


@pytest.fixture
def run_in_any(any_host: Host, base: str) -> Callable[..., Result]:
    """Run a bash script in a sandbox of one runtime."""
    return _runner(any_host, base)


def _runner(host: Host, base: str) -> Callable[..., Result]:
    def run(
        profile: Profile,
        script: str,
        *args: str,
        limits: Limits | None = None,
        files: dict[str, bytes] | None = None,
        tick: Tick | None = None,
        look: Callable[[Sandbox], object] | None = None,
    ) -> Result:
        bounds = limits or Limits(wall_seconds=5)
        bounds = replace(bounds, wall_seconds=bounds.wall_seconds * SLOWNESS)
        with ExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(host, profile, bounds))
            sandbox.put(files or {})
            (out, out_end), (err, err_end) = os.pipe(), os.pipe()
            for descriptor in (out, err):
                stack.callback(os.close, descriptor)
            spent = time.process_time()
            started = time.monotonic()
            try:
                command = ("/bin/bash", "-c", script, "answer", *args)
                sandbox.launch(base, command, stdout=out_end, stderr=err_end)
            finally:
                os.close(out_end)
                os.close(err_end)
            output = Pump(out, err, bounds.output_bytes).run(
                sandbox.exited, started, bounds.wall_seconds, tick
            )
            ending = time.monotonic()
            code = sandbox.end()
            if look:
                look(sandbox)
            facts = _facts(host.hierarchy, sandbox)
            target = sandbox.target(started)
            sandbox.dispose()
            ended = time.monotonic()
        return Result(
            stdout=output.stdout.decode(errors="replace"),
            stderr=output.stderr.decode(errors="replace"),
            code=code,
            ended=output.ended,
            wall_ms=output.wall_ms / SLOWNESS,
            end_ms=(ended - ending) * 1000 / SLOWNESS,
            own_ms=(time.process_time() - spent) * 1000 / SLOWNESS,
            target=target,
            **facts,
        )

    return run


def _facts(hierarchy: cgroup.Hierarchy, sandbox: Sandbox) -> dict[str, float | int]:
    memory = Path(hierarchy.group("memory", sandbox.name))
    processes = Path(hierarchy.group("pids", sandbox.name))
    if hierarchy.version == 2:
        peak, events = memory / "memory.peak", memory / "memory.events"
    else:
        peak, events = memory / "memory.max_usage_in_bytes", memory / "memory.oom_control"
    return {
        "used_ms": sandbox.processor_ms(),
        # memory.peak exists since Linux 5.19
        "peak_bytes": int(peak.read_text()) if peak.exists() else 0,
        "oom_kills": _counter(events, "oom_kill"),
        "forks_refused": _counter(processes / "pids.events", "max"),
    }


def _counter(file: Path, key: str) -> int:
    return next(
        (int(value) for name, value in map(str.split, file.read_text().splitlines()) if name == key), 0
    )


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test after which something of its sandboxes is still there."""
    if not request.node.get_closest_marker("sandbox"):
        yield
        return
    settings: Settings = request.getfixturevalue("settings")
    made: list[attempt.Attempt] = []
    make = attempt.make

    def recorded(*args: object) -> attempt.Attempt:
        made.append(make(*args))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(attempt, "make", recorded)
    before = _traces(settings)
    yield
    deadline = time.monotonic() + 2 * SLOWNESS
    left = _left(settings, made, before)
    while any(left.values()) and time.monotonic() < deadline:
        time.sleep(0.02)  # a runtime's last process ends on its own
        left = _left(settings, made, before)
    assert not any(left.values()), left


def _left(
    settings: Settings, made: list[attempt.Attempt], before: dict[str, set[str]]
) -> dict[str, list[str] | list[int]]:
    """Return what is there now, of the attempts that were made, and was not there before."""
    for one in made:
        processes.bury_orphans("crun", range(one.ids.first, one.ids.first + identity.IDS), 0)
    after = _traces(settings)
    left: dict[str, list[str] | list[int]] = {
        kind: sorted(there - before[kind]) for kind, there in after.items()
    }
    if len(after["descriptors"]) <= len(before["descriptors"]):  # one may have replaced another
        left["descriptors"] = []
    left["groups"] = [
        group for one in made for group in one.hierarchy.groups(one.name) if os.path.exists(group)
    ]
    left["processes"] = [pid for one in made for pid in _inhabitants(one.ids.first)]
    return left


def _traces(settings: Settings) -> dict[str, set[str]]:
    """Return what this process holds because of sandboxes."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "files": {str(path) for path in left_in(settings.run_dir)},
        "mounts": {line for line in mounts if str(settings.run_dir) in line},
        "zombies": _zombies(),
        "descriptors": _descriptors(),
    }


def _zombies() -> set[str]:
    children: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended
            children += (task / "children").read_text().split()
    return {pid for pid in children if _is_dead(pid)}


def _is_dead(pid: str) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid >= identity.FIRST:
            return False  # an engine that several tests share collects what it gave up when it ends
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


_KINDS = ("pipe:", "anon_inode:[pidfd]", "/memfd:", "socket:")


def _descriptors() -> set[str]:
    """Return this process's descriptors of the kinds that sandboxes need, but for the runtime's own copy."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            kind = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the listing's own
        if "/memfd:runtime" not in kind and kind.startswith(_KINDS):
            found.add(f"{name} {kind}")
    return found


def _inhabitants(first_id: int) -> list[int]:
    """Return the processes whose user is in the id range that begins at `first_id`, dead ones too."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                owner = os.stat(f"/proc/{name}").st_uid
            except FileNotFoundError:
                continue
            if first_id <= owner < first_id + identity.IDS:
                found.append(int(name))
    return found
