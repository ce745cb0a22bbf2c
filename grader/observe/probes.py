"""Carries out probes inside a disposable engine: one function for each action of `grader.probe`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from msgspec.structs import replace

from grader import probe as actions
from grader.evidence import Build, Container, Probe, Process
from grader.model import ProbeSpec
from grader.observe.container_files import read_file
from grader.observe.containers import ContainerGroups
from grader.observe.terminal import converse
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError

_OUTPUT_BYTES = 64 << 10
_FILE_BYTES = 1 << 20
_POLL_SECONDS = 0.05
_MIB = 1 << 20

# Runs in the network namespace of the source, beside dockerd: names are looked up in the source's own
# file of hosts (links and `extra_hosts` stand there), then asked of its own resolver, then bash opens the
# connection. $1 host, $2 port, $3 what to send, $4 the source's first process or nothing, $5 whether to
# wait for a reply.
_CONNECT = r"""
address=$1
if [ -n "$4" ] && ! [[ $1 =~ ^[0-9.]+$ ]]; then
  address=$(timeout 2 awk -v name="$1" '
    $1 ~ /^[0-9.]+$/ {for (i = 2; i <= NF; i++) if ($i == name) {print $1; exit}}
  ' "/proc/$4/root/etc/hosts" 2>/dev/null)
  # The engine's own resolver, on every user-defined network.
  [ -n "$address" ] || address=$(busybox nslookup -type=a "$1" 127.0.0.11 2>/dev/null |
    sed -n '/^Name:/,$ s/^Address[ 0-9]*: *//p' | head -n 1)
  [ -n "$address" ] || { echo "no address for $1" >&2; exit 2; }
fi
exec 3<>"/dev/tcp/$address/$2" || exit 1
[ -z "$3" ] || printf '%s' "$3" >&3
[ -z "$5" ] || timeout 2 head -c 4096 <&3
exit 0
"""


@dataclass(frozen=True, slots=True)
class Context:
    """What probes work with.

    Attributes:
        groups: The containers' control groups, as the host sees them.
        look: Returns the present processes of some host ids.
        rebuild: Builds the answer with some files replaced, under a tag.
        inspect: Returns a container's evidence.
    """

    engine: Engine
    groups: ContainerGroups
    look: Callable[[frozenset[int]], tuple[Process, ...]]
    rebuild: Callable[[Mapping[str, str], str, float], Build]
    inspect: Callable[[str], Container]


def carry_out(spec: ProbeSpec, context: Context) -> Probe:
    """Carry out one probe; what the answer made impossible is the probe's `error`, not an exception."""
    action = actions.to_action(spec.name, spec.action, spec.options)
    started = time.monotonic()
    try:
        result = _ACTIONS[type(action)](action, context)
    except EngineError as error:
        result = Probe("", "", ok=False, error=str(error))
    wall_ms = result.wall_ms or (time.monotonic() - started) * 1000
    return replace(result, name=spec.name, action=spec.action, wall_ms=round(wall_ms, 3))


def _run(action: actions.RunContainer, context: Context) -> Probe:
    engine = context.engine
    body: dict[str, Any] = {
        "Image": action.image,
        "Env": [f"{name}={value}" for name, value in action.env.items()],
        "User": action.user,
        "HostConfig": {
            "NetworkMode": "none",
            "Memory": action.memory_mib * _MIB,
            "MemorySwap": action.memory_mib * _MIB,
            "PidsLimit": 128,
        },
    }
    if action.command:
        body["Cmd"] = list(action.command)
    if action.entrypoint is not None:
        body["Entrypoint"] = list(action.entrypoint)
    container = str(engine.call("POST", "/containers/create", body=body)["Id"])
    started = time.monotonic()
    engine.call("POST", f"/containers/{container}/start")
    _wait(lambda: not _state(engine, container).get("Running"), action.after_seconds)
    processes = context.look(context.groups.processes(container))
    details: dict[str, Any] = {}
    signalled = bool(action.signal) and bool(_state(engine, container).get("Running"))
    if signalled:
        details["said"] = _logs(engine, container)[0]
        started = time.monotonic()
        engine.call("POST", f"/containers/{container}/kill", query={"signal": action.signal})
    ended = _wait(lambda: not _state(engine, container).get("Running"), action.wait_seconds)
    wall_ms = (time.monotonic() - started) * 1000
    details.update(signalled=signalled, ended=ended)
    stdout, stderr = _logs(engine, container)
    found = context.inspect(container)
    engine.call("DELETE", f"/containers/{container}", query={"force": "true", "v": "true"})
    return Probe(
        "",
        "",
        ok=True,
        exit_code=found.exit_code if ended else None,
        stdout=stdout,
        stderr=stderr,
        wall_ms=wall_ms,
        container=found,
        processes=processes,
        details=details,
    )


def _execute(action: actions.Execute, context: Context) -> Probe:
    user = ("--user", action.user) if action.user else ()
    return _command(
        context, ("docker", "exec", *user, action.container, *action.command), action.wait_seconds
    )


def _script(action: actions.Script, context: Context) -> Probe:
    return _command(context, ("/bin/bash", "-c", action.script), action.wait_seconds)


def _converse(action: actions.Converse, context: Context) -> Probe:
    return converse(
        context.engine, action, lambda: context.look(frozenset().union(*context.groups.all().values()))
    )


def _command(context: Context, args: tuple[str, ...], wall_seconds: float) -> Probe:
    output, exit_code = context.engine.execute(args, wall_seconds=wall_seconds, output_bytes=_OUTPUT_BYTES)
    return Probe(
        "",
        "",
        ok=exit_code is not None,
        error=None if exit_code is not None else f"no end within {wall_seconds:.0f} s",
        exit_code=exit_code,
        stdout=output.stdout.decode(errors="replace"),
        stderr=output.stderr.decode(errors="replace"),
    )


def _kill(action: actions.Kill, context: Context) -> Probe:
    before = context.inspect(action.container)
    victim = context.groups.first_process(before.id)
    if victim is None:
        return Probe("", "", ok=False, error=f"{action.container} is not running", container=before)
    processes = context.look(context.groups.processes(before.id))
    context.groups.signal(before.id, victim, signal.Signals[f"SIG{action.signal.removeprefix('SIG')}"])
    started = time.monotonic()
    _wait(lambda: _has_come_to_rest(context, before.id, victim), action.wait_seconds)
    again = context.groups.first_process(before.id) not in (victim, None)
    wall_ms = (time.monotonic() - started) * 1000
    after = context.inspect(before.id)
    details = {"killed": victim, "runs_again": again, "restarts_before": before.restart_count}
    return Probe("", "", ok=True, wall_ms=wall_ms, container=after, processes=processes, details=details)


def _has_come_to_rest(context: Context, container: str, victim: int) -> bool:
    """Return whether a container runs again after its first process was killed, or the engine lets it be."""
    first = context.groups.first_process(container)
    if first is not None:
        return first != victim
    # While the engine is about to start it again, it calls that "restarting".
    return context.inspect(container).status == "exited"


def _stop(action: actions.Stop, context: Context) -> Probe:
    engine = context.engine
    before = context.inspect(action.container)
    started = time.monotonic()
    engine.call(
        "POST",
        f"/containers/{before.id}/stop",
        query={"t": action.grace_seconds},
        seconds=action.grace_seconds + action.wait_seconds,
    )
    wall_ms = (time.monotonic() - started) * 1000
    after = context.inspect(before.id)
    return Probe("", "", ok=True, exit_code=after.exit_code, wall_ms=wall_ms, container=after)


def _connect(action: actions.Connect, context: Context) -> Probe:
    enter: tuple[str, ...] = ()
    process = ""
    if action.source:
        source = context.inspect(action.source)
        pid = dict(source.inspect.get("State") or {}).get("Pid")
        if not pid:
            return Probe("", "", ok=False, error=f"{action.source} is not running", container=source)
        process = str(int(pid))
        enter = ("nsenter", f"--net=/proc/{process}/ns/net", "--")
    reply = "yes" if action.send or action.receive else ""
    arguments = (action.host, str(action.port), action.send, process, reply)
    deadline = time.monotonic() + action.wait_seconds
    while True:
        result = _command(context, (*enter, "/bin/bash", "-c", _CONNECT, "connect", *arguments), 5.0)
        # A published port accepts connections before the server behind it does, and closes them again.
        done = result.exit_code == 0 and (result.stdout or not reply)
        if done or time.monotonic() > deadline:
            return replace(result, ok=True, error=None, details={"connected": result.exit_code == 0})
        time.sleep(0.1)


def _read(action: actions.Read, context: Context) -> Probe:
    if action.image:
        return _read_image(action, context.engine)
    container = context.inspect(action.container)
    try:
        text = read_file(context.engine, container.id, action.path)
    except EngineError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            return Probe("", "", ok=False, error=str(error), container=container)
        # The engine does not look into a tmpfs, a program in the container does.
        looked = _command(context, ("docker", "exec", container.id, "cat", action.path), action.wait_seconds)
        if looked.exit_code == 0:
            return replace(looked, exit_code=None, stderr="", container=container)
        missing = f"there is no {action.path} in {action.container}"
        return Probe("", "", ok=False, error=missing, container=container)
    return Probe("", "", ok=True, stdout=text, container=container)


def _read_image(action: actions.Read, engine: Engine) -> Probe:
    """Read from a container that is never started: the command is there because the engine wants one."""
    body = {"Image": action.image, "Cmd": ["none"], "HostConfig": {"NetworkMode": "none"}}
    container = str(engine.call("POST", "/containers/create", body=body)["Id"])
    try:
        text = read_file(engine, container, action.path)
    except EngineError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return Probe("", "", ok=False, error=f"there is no {action.path} in {action.image}")
    finally:
        engine.call("DELETE", f"/containers/{container}", query={"v": "true"})
    return Probe("", "", ok=True, stdout=text)


def _build(action: actions.BuildAgain, context: Context) -> Probe:
    build = context.rebuild(action.files, action.tag_as, action.wait_seconds)
    return Probe("", "", ok=True, build=build, wall_ms=build.wall_ms)


def _state(engine: Engine, container: str) -> dict[str, Any]:
    found = engine.get(f"/containers/{container}/json")
    state = found.get("State") if isinstance(found, dict) else None
    return state if isinstance(state, dict) else {}


def _logs(engine: Engine, container: str) -> tuple[str, str]:
    """Return a container's output so far: frames of 8 bytes header (stream, length) and content."""
    raw = engine.read(
        "GET", f"/containers/{container}/logs", query={"stdout": "true", "stderr": "true"}, limit=_FILE_BYTES
    )
    streams = {1: bytearray(), 2: bytearray()}
    at = 0
    while at + 8 <= len(raw):
        stream, size = raw[at], int.from_bytes(raw[at + 4 : at + 8], "big")
        if stream in streams:
            streams[stream] += raw[at + 8 : at + 8 + size]
        at += 8 + size
    stdout, stderr = (bytes(streams[number][:_OUTPUT_BYTES]).decode(errors="replace") for number in (1, 2))
    return stdout, stderr


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


_ACTIONS: dict[type[actions.Action], Callable[[Any, Context], Probe]] = {
    actions.RunContainer: _run,
    actions.Execute: _execute,
    actions.Kill: _kill,
    actions.Stop: _stop,
    actions.Connect: _connect,
    actions.Read: _read,
    actions.BuildAgain: _build,
    actions.Script: _script,
    actions.Converse: _converse,
}
