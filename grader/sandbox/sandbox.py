"""A sandbox: started from a bundle, watched from outside, and gone without a trace afterwards."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from grader.errors import SandboxError
from grader.model import Limits, Profile
from grader.observe.target import Target
from grader.sandbox import attempt as attempts
from grader.sandbox import cgroup, kernel, processes
from grader.sandbox.bundle import Bundle, process
from grader.sandbox.identity import IDS
from grader.sandbox.pump import Heard, Output, Pump, Tick
from grader.sandbox.runtime import Runtime, find
from grader.settings import Settings

_RUNTIME_SECONDS = 20.0
_END_SECONDS = 5.0
_END_PAUSE = 0.005
_LONGEST_PAUSE = 0.05
_MAX_CGROUPS = 200
_MAX_WATCHERS = 24
_STANDARD_STREAMS = 3


_compiled: dict[tuple[Runtime, Profile], bytes] = {}


@dataclass(frozen=True, slots=True)
class Host:
    """What every sandbox of a process shares: the runtime, the control groups, the directories."""

    settings: Settings
    runtime: Runtime
    hierarchy: cgroup.Hierarchy

    @classmethod
    def prepare(cls, settings: Settings) -> Host:
        """Make this process and machine ready; call it before the first thread is started.

        Raises:
            UnavailableError: Something that every sandbox needs is missing.
        """
        kernel.prepare_process()
        hierarchy = cgroup.detect()
        cgroup.prepare(hierarchy)
        return cls(settings, find(settings.runtime), hierarchy)


class Sandbox:
    """One sandbox of one attempt; use it as a context manager.

    Attributes:
        profile: Its rights.
        limits: Its bounds.
        answer: Directory on the host that the sandbox sees read-only as ``/answer``.
    """

    def __init__(self, host: Host, profile: Profile, limits: Limits, *, lifetime: float = 0.0) -> None:
        """Reserve what it needs; `lifetime` in seconds if it may live longer than its wall time."""
        self.profile = profile
        self.limits = limits
        self._host = host
        self._attempt = attempts.make(
            host.settings.run_dir, host.hierarchy, lifetime or limits.wall_seconds + 60
        )
        self._resources = ExitStack()
        self._root = f"{self._attempt.directory}/runtime"
        self._bundle = f"{self._attempt.directory}/bundle"
        self._log = f"{self._attempt.directory}/log"
        self._init = 0
        self._pidfd = -1
        self._executed = 0
        self.answer = f"{self._attempt.directory}/answer"

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispose()

    @property
    def name(self) -> str:
        """Unguessable and unique."""
        return self._attempt.name

    @property
    def directory(self) -> Path:
        """The attempt's directory on the host; gone afterwards."""
        return Path(self._attempt.directory)

    @property
    def first_id(self) -> int:
        """Host id of the sandbox's root."""
        return self._attempt.ids.first

    def put(self, files: dict[str, bytes], *, executable: bool = True) -> None:
        """Lay the answer's files where the sandbox reads them; names have been checked before."""
        mode = 0o755 if executable else 0o644
        for name, content in files.items():
            path = os.path.join(self.answer, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode
            )
            with open(descriptor, "wb") as file:
                file.write(content)

    def launch(
        self,
        rootfs: str,
        args: tuple[str, ...],
        *,
        binds: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
        disk: str = "",
        stdout: int,
        stderr: int,
        waits: bool = False,
    ) -> None:
        """Start the sandbox's first process.

        Args:
            rootfs: Root file system on the host.
            args: What to run.
            binds: Further host directories by mount point, read-only.
            env: Further environment.
            descriptors: Of ours, that become 3, 4, … inside.
            disk: Host directory that becomes an engine's data root.
            stdout: Ours, becomes its standard output.
            stderr: Likewise.
            waits: It does nothing before `go`.

        Raises:
            SandboxError: The runtime could not do it.
        """
        bundle = Bundle(
            profile=self.profile,
            limits=self.limits,
            rootfs=rootfs,
            cgroup=self._attempt.cgroup_path,
            first_id=self.first_id,
            args=args,
            binds={"/answer": self.answer, **(binds or {})},
            env=env or {},
            swap=self._host.hierarchy.swap,
            unified=self._host.hierarchy.version == 2,
            disk=disk,
            filters=_compiled.get((self._host.runtime, self.profile), b""),
        )
        with open(f"{self._bundle}/config.json", "wb") as file:
            file.write(msgspec.json.encode(bundle.config()))
        kernel.protect(rootfs)
        try:
            with ExitStack() as stack:
                self._start((processes.source(b"", stack), stdout, stderr, *descriptors), waits=waits)
        finally:  # a process that was created but could not be started is ours to bury, too
            pid = processes.read_pid(f"{self._bundle}/pid")
            if pid is not None and processes.is_child(pid):
                self._init = pid
                self._pidfd = os.pidfd_open(pid)
                self._resources.callback(os.close, self._pidfd)
        if not self._init:
            raise SandboxError(f"{self._host.runtime.name} started nothing: {self._runtime_message()}")
        self._keep_filters()

    def _keep_filters(self) -> None:
        """Keep what crun made of the filters' description, for the next sandbox of that profile."""
        key = (self._host.runtime, self.profile)
        if self._host.runtime.name == "crun" and key not in _compiled:
            with suppress(FileNotFoundError), open(f"{self._root}/{self.name}/seccomp.bpf", "rb") as file:
                _compiled[key] = file.read()

    def go(self) -> None:
        """Let a first process go that waits.

        Raises:
            SandboxError: The runtime could not do it.
        """
        with ExitStack() as stack:
            nothing = processes.source(b"", stack)
            self._command(self._host.runtime.start(self._root, self._log, self.name), (nothing,) * 3)

    def _start(self, streams: tuple[int, ...], *, waits: bool) -> None:
        runtime = self._host.runtime
        delegated = self.profile in (Profile.CGROUPS, Profile.DOCKER)
        descriptors = len(streams) - _STANDARD_STREAMS
        if delegated or descriptors or waits:
            create = runtime.create(self._root, self._log, self._bundle, self.name, descriptors=descriptors)
            self._command(create, streams)
            if delegated:
                cgroup.delegate(self._host.hierarchy, self.name, self.first_id)
                cgroup.bound_descendants(self._host.hierarchy, self.name, _MAX_CGROUPS)
            if self.profile is Profile.DOCKER:
                kernel.bound_watchers(self._created(), _MAX_WATCHERS)
            if not waits:
                self.go()
        else:
            self._command(runtime.run(self._root, self._log, self._bundle, self.name), streams)

    def _created(self) -> int:
        pid = processes.read_pid(f"{self._bundle}/pid")
        if pid is None:
            raise SandboxError(f"{self._host.runtime.name} created nothing: {self._runtime_message()}")
        return pid

    def target(self, started: float) -> Target:
        """Return what observers need; `started` is the `time.monotonic()` of the answer's start."""
        hierarchy = self._host.hierarchy
        return Target(
            name=self.name,
            cgroup_version=hierarchy.version,
            memory_group=hierarchy.group("memory", self.name),
            pids_group=hierarchy.group("pids", self.name),
            first_id=self.first_id,
            ids=IDS,
            init_pid=self._init,
            started=started,
        )

    @property
    def exited(self) -> int:
        """A descriptor that becomes readable when the first process has ended."""
        return self._pidfd

    def execute(
        self,
        args: tuple[str, ...],
        *,
        wall_seconds: float,
        output_bytes: int,
        stdin: bytes | int = b"",
        tick: Tick | None = None,
        heard: Heard | None = None,
        printed: Heard | None = None,
        env: dict[str, str] | None = None,
    ) -> tuple[Output, int | None]:
        """Run a further process inside, with the profile's rights, and wait for it.

        Args:
            args: What to run.
            wall_seconds: Its deadline.
            output_bytes: Of both its streams together.
            stdin: Its standard input: all of it, or a readable descriptor, which stays the caller's.
            tick: Gets turns while it runs; see `Pump.run`.
            heard: Told what comes on its standard output; see `Pump`.
            printed: Told what comes on either stream.
            env: Further environment.

        Returns:
            Its output, and its exit status as a shell says it (``None`` where it was still running).

        Raises:
            SandboxError: The runtime could not start it.
        """
        self._bury()
        self._executed += 1
        file = f"{self._bundle}/process-{self._executed}.json"
        pid_file = f"{self._bundle}/process-{self._executed}.pid"
        with open(file, "wb") as target:
            target.write(msgspec.json.encode(process(self.profile, self.limits, args, env)))
        command = self._host.runtime.execute(self._root, self._log, file, pid_file, self.name)
        started = time.monotonic()
        with ExitStack() as stack:
            source = stdin if isinstance(stdin, int) else processes.source(stdin, stack)
            out, out_end = processes.pipe(stack)
            err, err_end = processes.pipe(stack)
            pid = processes.spawn(command, (source, out_end, err_end), self._host.runtime.program)
            os.close(out_end)
            os.close(err_end)
            pidfd = os.pidfd_open(pid)
            stack.callback(os.close, pidfd)
            output = Pump(out, err, output_bytes, heard, printed).run(pidfd, started, wall_seconds, tick)
            if output.ended != "exit":
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            status = processes.wait(pid)
        if output.ended != "exit":
            return output, None
        if processes.read_pid(pid_file) is None:
            raise SandboxError(f"{command[0]} started nothing ({status}): {self._runtime_message()}")
        return output, status

    def alive(self) -> bool:
        """Return whether the first process still runs."""
        return self._pidfd >= 0 and not processes.has_ended(self._pidfd, 0)

    def end(self) -> int | None:
        """Kill everything inside; return the first process's status as a shell says it, if it had exited.

        Counters of the control groups stay readable until `dispose`.
        """
        if self._pidfd < 0:
            return None
        exited = not self.alive()
        if not exited:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._await_end()
        if self._init:
            status = processes.exit_status(os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED))
            self._init = 0
            return status if exited else None
        return None

    def _await_end(self) -> None:
        """Wait for the first process, which outlives SIGKILL while a process inside is frozen or unburied."""
        deadline = time.monotonic() + _END_SECONDS
        pause = _END_PAUSE
        while not processes.has_ended(self._pidfd, pause):
            if time.monotonic() > deadline:
                raise SandboxError(f"sandbox {self.name} does not end")
            cgroup.kill(self._host.hierarchy, self.name)
            self._bury()
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _bury(self) -> None:
        ids = range(self.first_id, self.first_id + IDS)
        processes.bury_orphans(self._host.runtime.name, ids, self._init)

    def refused_forks(self) -> int:
        """Return how often something inside wanted one process more than it may have."""
        return cgroup.refused_forks(self._host.hierarchy, self.name)

    def processor_ms(self) -> float:
        """Return the processor time used inside, in milliseconds."""
        return cgroup.processor_ms(self._host.hierarchy, self.name)

    def on_dispose(self) -> ExitStack:
        """Return the stack whose contexts end with the sandbox."""
        return self._resources

    def dispose(self) -> None:
        """Kill everything and leave nothing; safe to repeat."""
        try:
            self.end()
        finally:
            self._resources.close()
            self._pidfd = -1
            self._attempt.dispose()
            self._bury()

    def _command(self, command: list[str], streams: tuple[int, ...]) -> None:
        pid = processes.spawn(command, streams, self._host.runtime.program)
        pidfd = os.pidfd_open(pid)
        try:
            if not processes.has_ended(pidfd, _RUNTIME_SECONDS):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            status = processes.wait(pid)
        finally:
            os.close(pidfd)
        if status:
            raise SandboxError(f"{' '.join(command[:1])} failed ({status}): {self._runtime_message()}")

    def _runtime_message(self) -> str:
        try:
            lines = Path(self._log).read_text(errors="replace").strip().splitlines()
        except OSError:
            return "it left no log"
        return lines[-1][:500] if lines else "it left no message"
