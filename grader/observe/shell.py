"""Observes shell answers in the plain, namespaces and cgroups profiles."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources

from grader.evidence import Sections
from grader.model import Kind, Profile
from grader.observe.oom import KernelLog
from grader.observe.program import to_run, turns
from grader.observe.task import Task
from grader.observe.watch import Sight, Watch
from grader.sandbox import images
from grader.sandbox.disposer import Disposer
from grader.sandbox.pump import Output, Pump
from grader.sandbox.sandbox import Host, Sandbox
from grader.sandbox.spares import Recipe, Spare, Spares

# What the answer left running gets this long to come to rest before the last look.
_REST_SECONDS = 2.0
_RESTED_SECONDS = 0.15
_HOLDER = resources.files("grader.sandbox").joinpath("holder.sh").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all observations of a process share.

    Attributes:
        host: Where sandboxes are made.
        kernel_log: With the kernel's records of OOM kills.
        disposer: Takes sandboxes that have been used.
        spares: Sandboxes that may be ready.
    """

    host: Host
    kernel_log: KernelLog
    disposer: Disposer
    spares: Spares


def observe_shell(equipment: Equipment, task: Task) -> Sections:
    """Run the answer's script and watch it from outside.

    Raises:
        SandboxError: The machine failed, not the answer.
    """
    exercise = task.exercise
    rootfs = str(images.rootfs(equipment.host.settings, "base"))
    script = next(spec.name for spec in exercise.files if spec.kind is Kind.SHELL)
    command = ("/bin/bash", f"/answer/{script}")
    with ExitStack() as stack:
        spare = None
        if exercise.profile is Profile.PLAIN:
            recipe = Recipe(exercise.profile, exercise.limits, rootfs, command)
            spare = stack.enter_context(equipment.spares.lend(recipe))
        sandbox = spare.sandbox if spare else Sandbox(equipment.host, exercise.profile, exercise.limits)
        stack.callback(equipment.disposer.take, spare or sandbox)
        sandbox.put(dict(task.submission.files))
        observation = _Observation(sandbox, rootfs, equipment.kernel_log, task, stack)
        return (
            observation.plain(command, spare)
            if exercise.profile is Profile.PLAIN
            else observation.held(command)
        )


class _Observation:
    """One script in one sandbox."""

    def __init__(
        self, sandbox: Sandbox, rootfs: str, kernel_log: KernelLog, task: Task, stack: ExitStack
    ) -> None:
        """Prepare; what is opened meanwhile is closed with `stack`."""
        self._sandbox = sandbox
        self._rootfs = rootfs
        self._kernel_log = kernel_log
        self._exercise = task.exercise
        self._limits = task.exercise.limits
        self._progress = task.progress
        self._stack = stack

    def plain(self, command: tuple[str, ...], spare: Spare | None) -> Sections:
        """The script is the sandbox's first process: when it ends, everything has ended."""
        mark = self._kernel_log.mark()
        started = time.monotonic()
        if spare is None:
            pump = self._launch(command)
        else:
            pump = self._pump(spare.out, spare.err)
            self._sandbox.go()
        watch = self._watch(mark, started)
        output = self._run(pump, self._sandbox.exited, started, watch)
        sight = watch.finish(_since(started))
        exit_code = self._sandbox.end()
        pump.drain()
        return self._sections(sight, pump.output(output.ended, output.wall_ms), exit_code)

    def held(self, command: tuple[str, ...]) -> Sections:
        """The script is a child of a holder, which keeps what it left behind until the last look."""
        mark = self._kernel_log.mark()
        status, status_end = os.pipe()
        self._stack.callback(os.close, status)
        started = time.monotonic()
        try:
            pump = self._launch(("/bin/sh", "-c", _HOLDER, "holder", *command), descriptors=(status_end,))
        finally:
            os.close(status_end)
        watch = self._watch(mark, started)
        output = self._run(pump, status, started, watch)
        exit_code = None
        if output.ended == "exit":
            exit_code = _read_status(status)
            rest = _since(started) / 1000 + _REST_SECONDS
            pump.run(self._sandbox.exited, started, rest, turns(watch, _RESTED_SECONDS))
        sight = watch.finish(_since(started))
        first_process = self._sandbox.end()
        pump.drain()
        ended = pump.output(output.ended, output.wall_ms)
        return self._sections(sight, ended, first_process if exit_code is None else exit_code)

    def _launch(self, args: tuple[str, ...], descriptors: tuple[int, ...] = ()) -> Pump:
        out, out_end = os.pipe()
        self._stack.callback(os.close, out)
        err, err_end = os.pipe()
        self._stack.callback(os.close, err)
        try:
            self._sandbox.launch(self._rootfs, args, stdout=out_end, stderr=err_end, descriptors=descriptors)
        finally:
            os.close(out_end)
            os.close(err_end)
        return self._pump(out, err)

    def _pump(self, out: int, err: int) -> Pump:
        return Pump(out, err, self._limits.output_bytes, printed=self._progress.show)

    def _watch(self, mark: int, started: float) -> Watch:
        target = self._sandbox.target(started)
        settles = self._limits.settle_seconds > 0
        exercise = self._exercise
        watch = Watch(self._kernel_log, mark, target, exercise.watch, exercise.profile, settles=settles)
        return self._stack.enter_context(watch)

    def _run(self, pump: Pump, end: int, started: float, watch: Watch) -> Output:
        limits = self._limits
        return pump.run(end, started, limits.wall_seconds, turns(watch, limits.settle_seconds))

    def _sections(self, sight: Sight, output: Output, exit_code: int | None) -> Sections:
        return Sections(
            run=to_run(output, exit_code, self._sandbox.processor_ms()),
            oom=sight.oom,
            processes=sight.processes,
            cgroups=sight.cgroups,
            networks=sight.networks,
        )


def _read_status(status: int) -> int | None:
    """Return what the holder reported; ``None`` where it died before it could."""
    text = os.read(status, 16).strip()
    return int(text) if text.isdigit() else None


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000
