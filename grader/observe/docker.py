"""Observes answers in a disposable engine: Dockerfiles, compose files and docker commands."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from msgspec import structs

from grader.errors import ExerciseError, SandboxError, SubmissionError
from grader.evidence import Build, Container, Event, Probe, Process, Run, Sections
from grader.evidence import Engine as EngineEvidence
from grader.model import Kind
from grader.observe import builds, engine_images, engine_state, probes
from grader.observe.containers import ContainerGroups
from grader.observe.engine_images import ask
from grader.observe.events import Stream
from grader.observe.exercise_image import TAG as EXERCISE_IMAGE
from grader.observe.exercise_image import ExerciseImages
from grader.observe.groups import GroupTree
from grader.observe.images import Wanted
from grader.observe.oom import KernelLog
from grader.observe.pids import ProcessWatch
from grader.observe.program import to_run, turns
from grader.observe.target import Target
from grader.observe.task import Task
from grader.observe.watch import Sight, Watch
from grader.sandbox import images
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError

IMAGE = "answer"
PROJECT = "answer"
_SETUP_SECONDS = 60.0
# Called directly: the docker command would start it as a plugin, twice, for the same result.
_COMPOSE = "/usr/libexec/docker/cli-plugins/docker-compose"
_START_SECONDS = 2.0
_EVENT_PATIENCE_SECONDS = 0.25
_EVENT_QUIET_SECONDS = 0.03
_MAX_INSPECTED = 200
_NOT_FOUND = 404
_NOTHING = EngineEvidence((), (), (), ())
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Supplies:
    """What all observations in engines share.

    Attributes:
        golden: What every engine starts from.
        exercise_images: What exercises add to that.
        kernel_log: Where the kernel says whom it has killed.
    """

    golden: images.Golden
    exercise_images: ExerciseImages
    kernel_log: KernelLog


class OutputLostError(SandboxError):
    """The engine has lost what a container printed."""


def observe_docker(engine: Engine, supplies: Supplies, task: Task, *, again: bool = False) -> Sections:
    """Carry the answer out in an engine of its own and look at what came of it.

    Args:
        engine: One that nobody else has used.
        supplies: What all share.
        task: The answer, and what it answers.
        again: Output was lost before: what there is this time has to do.

    Raises:
        OutputLostError: What a container printed is lost, unless that has happened before.
        SandboxError: The machine failed, not the answer.
        ExerciseError: The exercise's own setup failed.
    """
    return _Observation(engine, supplies, task, again=again).sections()


@dataclass(frozen=True, slots=True)
class _Results:
    """What the answer's files did, in the order in which they are used."""

    build: Build | None = None
    run: Run | None = None


class _Observation:
    """One answer in one engine."""

    def __init__(self, engine: Engine, supplies: Supplies, task: Task, *, again: bool) -> None:
        exercise = task.exercise
        self._engine = engine
        self._again = again
        self._progress = task.progress
        self._golden = supplies.golden
        self._exercise_images = supplies.exercise_images
        self._kernel_log = supplies.kernel_log
        self._exercise = exercise
        self._submission = task.submission
        self._stream = Stream(time.time_ns())
        self._heard = 0.0
        self._over = 0.0  # when the last thing happened that can cause events
        # A build of ours changes one image and causes no event.
        self._only_builds = (
            all(spec.kind is Kind.DOCKERFILE for spec in exercise.files) and not exercise.probes
        )
        self._prepared = exercise.image is not None or exercise.setup is not None

    def sections(self) -> Sections:
        """Carry out the answer, then the probes, then look."""
        engine, exercise, progress = self._engine, self._exercise, self._progress
        if self._prepared:
            progress.say("preparing the engine")
        setup = self._setup()
        engine.sandbox.put(dict(self._submission.files))
        mark = self._kernel_log.mark()
        started = time.monotonic()
        started_ns = time.time_ns()
        self._stream = Stream(started_ns)
        listener = threading.Thread(target=engine.stream_events, args=(self._hear, started_ns), daemon=True)
        listener.start()
        target = engine.target(started)
        groups = ContainerGroups(target.memory_group)
        with Watch(self._kernel_log, mark, target, exercise.watch, exercise.profile) as watch:
            results = self._answer(watch, started)
            groups.await_starts(_START_SECONDS)
            if exercise.probes:
                progress.say("trying out what came of it")
            probed = self._probe(groups, target)
            progress.say("looking at what is there")
            self._over = time.monotonic()
            state = self._look(groups) if engine.sandbox.alive() else _NOTHING
            events = self._events()
            sight = watch.finish((time.monotonic() - started) * 1000)
            self._hold_answerable(sight)
        run = results.run and structs.replace(results.run, cpu_ms=round(engine.sandbox.processor_ms(), 3))
        return Sections(
            run=run,
            oom=sight.oom,
            processes=sight.processes,
            cgroups=sight.cgroups,
            networks=sight.networks,
            build=results.build,
            engine=state,
            events=events,
            probes=probed,
            setup=setup,
        )

    def _hold_answerable(self, sight: Sight) -> None:
        """Raise for what the engine did wrong, unless the answer left it no memory or no processes."""
        engine = self._engine
        if any(sight.oom.counters.values()) or engine.sandbox.refused_forks():
            return
        if not engine.sandbox.alive():
            raise SandboxError(f"the engine ended by itself: {engine.log.tail()}")
        if not self._again and engine.log.lost_output():
            raise OutputLostError("the engine has lost what a container printed")

    def _setup(self) -> Run | None:
        """Let the exercise's author prepare the engine; return what the setup said."""
        self._exercise_images.provide(self._engine, self._golden, self._exercise)
        if self._exercise.setup is None:
            return None
        output, status = self._engine.execute(
            ("/bin/bash", "-euc", self._exercise.setup),
            wall_seconds=_SETUP_SECONDS,
            output_bytes=self._exercise.limits.output_bytes,
            env=_environment(self._submission.parameters),
        )
        if status != 0:
            message = output.stderr.decode(errors="replace")[-1_000:]
            raise ExerciseError(f"{self._exercise.folder}: setup ended with {status}: {message}")
        return to_run(output, status)

    def _answer(self, watch: Watch, started: float) -> _Results:
        limits = self._exercise.limits
        results = _Results()
        for spec in self._exercise.files:
            if spec.name not in self._submission.files:
                continue
            left = max(1.0, started + limits.wall_seconds - time.monotonic())
            if spec.kind is Kind.DOCKERFILE:
                files = self._submission.files
                allowed = frozenset((*self._golden.tags, EXERCISE_IMAGE))
                self._progress.say("building")
                built = builds.build(
                    self._engine, files, spec.name, allowed, IMAGE, left, progress=self._progress
                )
                results = replace(results, build=built)
            elif spec.kind is Kind.COMPOSE:
                self._progress.say("starting the services")
                results = replace(results, run=self._command(_compose(spec.name), watch, left))
            elif spec.kind is Kind.SHELL:
                self._progress.say("running in an engine")
                command = ("/bin/bash", f"/answer/{spec.name}")
                results = replace(results, run=self._command(command, watch, left))
        return results

    def _command(self, command: tuple[str, ...], watch: Watch, wall_seconds: float) -> Run:
        limits = self._exercise.limits
        output, status = self._engine.execute(
            command,
            wall_seconds=wall_seconds,
            output_bytes=limits.output_bytes,
            tick=turns(watch, limits.settle_seconds),
            printed=self._progress.show,
        )
        return to_run(output, status)

    def _probe(self, groups: ContainerGroups, target: Target) -> Mapping[str, Probe]:
        dockerfile = next((spec.name for spec in self._exercise.files if spec.kind is Kind.DOCKERFILE), "")
        context = probes.Context(
            engine=self._engine,
            groups=groups,
            look=partial(_look_at, target),
            rebuild=partial(builds.rebuild, self._engine, self._submission.files, dockerfile),
            inspect=partial(self._inspect, groups),
        )
        return {spec.name: probes.carry_out(spec, context) for spec in self._exercise.probes}

    def _inspect(self, groups: ContainerGroups, name: str) -> Container:
        """Inspect a container by its name or id, or by the name of its compose service."""
        try:
            found = self._engine.get(f"/containers/{quote(name, safe='')}/json")
        except EngineError as error:
            if error.status != _NOT_FOUND:
                raise
            label = json.dumps({"label": [f"com.docker.compose.service={name}"]})
            listed = ask(self._engine, "/containers/json", [], filters=label)
            if not listed:
                raise
            found = self._engine.get(f"/containers/{listed[0]['Id']}/json")
        if not isinstance(found, dict):
            raise EngineError(f"container {name}: no description")
        return engine_state.to_container(found, sorted(groups.processes(str(found.get("Id", "")))))

    def _look(self, groups: ContainerGroups) -> EngineEvidence:
        """Ask the engine for everything that it holds; what its owner broke is empty, not our failure."""
        engine = self._engine
        try:
            with ThreadPoolExecutor(3, thread_name_prefix="look") as pool:
                images = pool.submit(self._images)
                networks = pool.submit(ask, engine, "/networks", [])
                volumes = pool.submit(ask, engine, "/volumes", {})
                listed = ask(engine, "/containers/json", [], all="true")[:_MAX_INSPECTED]
                identities = [str(found.get("Id", "")) for found in listed if isinstance(found, dict)]
                watch = self._exercise.watch
                wanted = Wanted(base=self._golden.base_diff_ids, search=watch.search)
                return engine_state.to_engine(
                    inspections=[ask(engine, f"/containers/{identity}/json", {}) for identity in identities],
                    processes={name: sorted(pids) for name, pids in groups.all().items()},
                    read=engine_images.layers(engine, watch.layers, wanted),
                    images=images.result(),
                    networks=networks.result(),
                    volumes=volumes.result(),
                )
        except SubmissionError as error:
            _log.info("an engine described itself in a way that no engine does: %s", error)
            return _NOTHING

    def _images(self) -> list[Mapping[str, Any]]:
        """Describe the images, with as few questions as possible."""
        engine = self._engine
        if not self._prepared:
            if self._only_builds:
                return [*engine_images.built(engine, IMAGE), *engine.images]
            if engine_images.as_at_the_start(engine, self._events()) and not self._stream.lost:
                return list(engine.images)
        return engine_images.described(engine, frozenset(self._golden.tags))

    def _hear(self, data: bytes) -> None:
        self._heard = time.monotonic()
        self._stream.feed(data)

    def _events(self) -> tuple[Event, ...]:
        """Give the last events time to arrive: they follow what caused them by milliseconds."""
        if self._only_builds:
            return self._stream.events()
        deadline = time.monotonic() + _EVENT_PATIENCE_SECONDS
        quiet = _EVENT_QUIET_SECONDS
        while (left := min(max(self._over, self._heard) + quiet, deadline) - time.monotonic()) > 0:
            time.sleep(left)
        return self._stream.events()


def _look_at(target: Target, pids: frozenset[int]) -> tuple[Process, ...]:
    """Return what the host sees of some of the sandbox's processes right now."""
    watch = ProcessWatch(target, GroupTree(target.memory_group))
    seen = watch.look((time.monotonic() - target.started) * 1000, nsenter=False)
    return tuple(process for process in seen.all if process.pid in pids)


def _compose(name: str) -> tuple[str, ...]:
    return (
        *(_COMPOSE, "--project-name", PROJECT, "--file", f"/answer/{name}"),
        *("--ansi", "never", "--progress", "plain", "up", "--detach", "--pull", "never"),
    )


def _environment(parameters: Mapping[str, str | int]) -> dict[str, str]:
    return {f"PARAMETER_{name.upper()}": str(value) for name, value in parameters.items()}
