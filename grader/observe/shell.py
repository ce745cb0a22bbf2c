"""Observes shell answers in the plain, namespaces and cgroups profiles."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from importlib import resources

from grader.evidence import Run, Sections
from grader.model import Exercise, Kind, Profile, Submission
from grader.observe.oom import KernelLog
from grader.observe.watch import Sight, Watch
from grader.progress import Progress
from grader.sandbox import images
from grader.sandbox.disposer import Disposer
from grader.sandbox.pump import Output, Pump, Tick
from grader.sandbox.sandbox import Host, Sandbox
from grader.sandbox.spares import Recipe, Spare, Spares

# What the answer left running gets this long to come to rest before the last look.
_REST_SECONDS = 2.0
_RESTED_SECONDS = 0.15
_HOLDER = resources.files("grader.sandbox").joinpath("holder.sh").read_text(encoding="utf-8")


def observe_shell(
    host: Host,
    kernel_log: KernelLog,
    disposer: Disposer,
    spares: Spares,
    exercise: Exercise,
    submission: Submission,
    progress: Progress,
) -> Sections:
    """Run the answer's script and watch it from outside; its sandbox is left to `disposer`.

    Raises:
        SandboxError: The machine failed, not the answer.
    """
    rootfs = str(images.rootfs(host.settings, "base"))
    script = next(spec.name for spec in exercise.files if spec.kind is Kind.SHELL)
    command = ("/bin/bash", f"/answer/{script}")
    with ExitStack() as stack:
        spare = None
        if exercise.profile is Profile.PLAIN:
            recipe = Recipe(exercise.profile, exercise.limits, rootfs, command)
            spare = stack.enter_context(spares.lend(recipe))
        sandbox = spare.sandbox if spare else Sandbox(host, exercise.profile, exercise.limits)
        stack.callback(disposer.take, spare or sandbox)
        sandbox.put(dict(submission.files))
        if exercise.profile is Profile.PLAIN:
            return _observe_plain(sandbox, spare, rootfs, command, kernel_log, exercise, stack, progress)
        return _observe_held(sandbox, rootfs, command, kernel_log, exercise, stack, progress)


def _observe_plain(
    sandbox: Sandbox,
    spare: Spare | None,
    rootfs: str,
    command: tuple[str, ...],
    kernel_log: KernelLog,
    exercise: Exercise,
    stack: ExitStack,
    progress: Progress,
) -> Sections:
    """The script is the sandbox's first process: when it ends, everything has ended."""
    mark = kernel_log.mark()
    started = time.monotonic()
    limits = exercise.limits
    if spare is None:
        pump = _launch(sandbox, rootfs, command, exercise, stack, progress)
    else:
        pump = Pump(spare.out, spare.err, limits.output_bytes, printed=progress.show)
        sandbox.go()
    watch = stack.enter_context(_watch(sandbox, kernel_log, mark, started, exercise))
    output = pump.run(sandbox.exited, started, limits.wall_seconds, turns(watch, limits.settle_seconds))
    sight = watch.finish(_since(started))
    exit_code = sandbox.end()
    pump.drain()
    return _sections(sight, pump.output(output.ended, output.wall_ms), exit_code, sandbox)


def _observe_held(
    sandbox: Sandbox,
    rootfs: str,
    command: tuple[str, ...],
    kernel_log: KernelLog,
    exercise: Exercise,
    stack: ExitStack,
    progress: Progress,
) -> Sections:
    """The script is a child of a holder, which keeps what it left behind until the last look."""
    mark = kernel_log.mark()
    limits = exercise.limits
    status, status_end = os.pipe()
    stack.callback(os.close, status)
    started = time.monotonic()
    try:
        holder = ("/bin/sh", "-c", _HOLDER, "holder", *command)
        pump = _launch(sandbox, rootfs, holder, exercise, stack, progress, descriptors=(status_end,))
    finally:
        os.close(status_end)
    watch = stack.enter_context(_watch(sandbox, kernel_log, mark, started, exercise))
    output = pump.run(status, started, limits.wall_seconds, turns(watch, limits.settle_seconds))
    exit_code = None
    if output.ended == "exit":
        exit_code = _read_status(status)
        rest = _since(started) / 1000 + _REST_SECONDS
        pump.run(sandbox.exited, started, rest, turns(watch, _RESTED_SECONDS))
    sight = watch.finish(_since(started))
    first_process = sandbox.end()
    pump.drain()
    ended = pump.output(output.ended, output.wall_ms)
    return _sections(sight, ended, first_process if exit_code is None else exit_code, sandbox)


def _watch(sandbox: Sandbox, kernel_log: KernelLog, mark: int, started: float, exercise: Exercise) -> Watch:
    target = sandbox.target(started)
    settles = exercise.limits.settle_seconds > 0
    return Watch(kernel_log, mark, target, exercise.watch, exercise.profile, settles=settles)


def turns(watch: Watch, settle_seconds: float) -> Tick | None:
    """Return what gives the observers their turns while a program runs, or ``None`` where none wants any.

    Args:
        watch: The observers.
        settle_seconds: End the run once nothing has moved for so long; 0 never.
    """
    if not watch.ticks:
        return None

    def tick(now_ms: float) -> float | None:
        pause = watch.tick(now_ms)
        settled = settle_seconds > 0 and watch.settled(now_ms) >= settle_seconds
        return None if settled else pause

    return tick


def _launch(
    sandbox: Sandbox,
    rootfs: str,
    args: tuple[str, ...],
    exercise: Exercise,
    stack: ExitStack,
    progress: Progress,
    descriptors: tuple[int, ...] = (),
) -> Pump:
    out, out_end = os.pipe()
    stack.callback(os.close, out)
    err, err_end = os.pipe()
    stack.callback(os.close, err)
    try:
        sandbox.launch(rootfs, args, stdout=out_end, stderr=err_end, descriptors=descriptors)
    finally:
        os.close(out_end)
        os.close(err_end)
    return Pump(out, err, exercise.limits.output_bytes, printed=progress.show)


def _read_status(status: int) -> int | None:
    """Return what the holder reported; ``None`` where it died before it could."""
    text = os.read(status, 16).strip()
    return int(text) if text.isdigit() else None


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000


def _sections(sight: Sight, output: Output, exit_code: int | None, sandbox: Sandbox) -> Sections:
    return Sections(
        run=to_run(output, exit_code, sandbox.processor_ms()),
        oom=sight.oom,
        processes=sight.processes,
        cgroups=sight.cgroups,
        networks=sight.networks,
    )


def to_run(output: Output, exit_code: int | None, cpu_ms: float = 0.0) -> Run:
    """Convert what was collected from a program to evidence."""
    return Run(
        ended=output.ended,
        exit_code=exit_code,
        stdout=output.stdout.decode(errors="replace"),
        stderr=output.stderr.decode(errors="replace"),
        truncated=output.truncated,
        wall_ms=round(output.wall_ms, 3),
        cpu_ms=round(cpu_ms, 3),
    )
