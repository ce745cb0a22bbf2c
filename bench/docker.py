"""Measures what grading adds to docker commands and builds, and builds beside the classic builder."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.bench import Bench, milliseconds
from bench.figures import Measured, Row, Samples, ratio
from bench.phases import Phases
from bench.workshop import BUILD, COMMANDS, DOCKER_SCRIPT, DOCKERFILE, read_exercise
from grader import bundles
from grader.errors import SandboxError
from grader.grading import Grader
from grader.judging import Judges
from grader.model import ENGINE_LIMITS, Exercise, Submission
from grader.observe import builds, docker
from grader.observe.observer import Observer
from grader.observe.watch import Watch
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host, Sandbox

NAME = "docker"
OVERHEAD_MS = 100.0
SHARE_OF_CLASSIC = 0.5
_ROUNDS = 12
_PATIENCE_SECONDS = 120.0
_QUIET_SECONDS = 0.3
_TAG = "bench-classic"

_PHASES = {
    "putting files": (Sandbox, "put"),
    "commands": (Engine, "execute"),
    "build": (builds, "build"),
    "engine's state": (docker._Observation, "_look"),
    "waiting for events": (docker._Observation, "_events"),
    "last look": (Watch, "finish"),
    "judging": (Judges, "judge"),
}


def measure(bench: Bench) -> Measured:
    """Measure commands and builds, each directly in a ready engine and then as an answer."""
    context = bench.folder / NAME / "context"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    exercises = tuple(read_exercise(bench.exercises, slug) for slug in (COMMANDS, BUILD))
    phases = {exercise.slug: Phases() for exercise in exercises}
    taken: dict[str, list[float]] = {
        name: [] for name in ("commands alone", "commands graded", "build alone", "build graded", "classic")
    }
    with Observer(bench.settings, exercises) as observer, Judges(exercises) as judges:
        measuring = _Measuring(bench, observer, Grader(observer, judges))
        measuring.warm(exercises)
        for number in range(bench.times(_ROUNDS)):
            bench.say(f"  round {number + 1}")
            taken["commands alone"].append(measuring.alone(_run_commands))
            taken["commands graded"].append(
                measuring.graded(exercises[0], "answer.sh", DOCKER_SCRIPT, phases[COMMANDS])
            )
            taken["classic"].append(measuring.classic(lambda: bench.yardstick.build(context, _TAG)))
            taken["build alone"].append(measuring.alone(_run_build))
            taken["build graded"].append(
                measuring.graded(exercises[1], "Dockerfile", DOCKERFILE, phases[BUILD])
            )
            bench.yardstick.remove_image(_TAG)
    samples = {name: Samples("ms", tuple(values)) for name, values in taken.items()}
    return Measured(NAME, _rows(samples), samples | _named(phases))


class _Measuring:
    """Takes single measurements while nothing else of ours goes on."""

    def __init__(self, bench: Bench, observer: Observer, grader: Grader) -> None:
        self._bench = bench
        self._observer = observer
        self._grader = grader
        self._host = Host.prepare(bench.settings)

    def warm(self, exercises: tuple[Exercise, ...]) -> None:
        """Let the first answers pay for what is only loaded once."""
        for exercise in exercises:
            content = DOCKERFILE if exercise.slug == BUILD else DOCKER_SCRIPT
            self.graded(exercise, exercise.files[0].name, content, Phases())

    def alone(self, action: Callable[[Engine], None]) -> float:
        """Return the time of commands that are run in a ready engine, and of nothing else."""
        with Engine(self._host, ENGINE_LIMITS) as engine:
            engine.start()
            engine.sandbox.put({"answer.sh": DOCKER_SCRIPT.encode(), "Dockerfile": DOCKERFILE.encode()})
            self._quiet()
            return milliseconds(lambda: action(engine))

    def graded(self, exercise: Exercise, file: str, content: str, phases: Phases) -> float:
        """Return the time from the answer to its stored verdict, the next engine's start beside it."""
        submission = Submission(exercise.slug, "participant", {file: content.encode()})
        self._quiet()
        with phases.watch(_PHASES):
            return milliseconds(lambda: self._grade(exercise, submission))

    def classic(self, action: Callable[[], None]) -> float:
        """Return the time of something that is done by the yardstick."""
        self._quiet()
        return milliseconds(action)

    def _grade(self, exercise: Exercise, submission: Submission) -> None:
        graded = self._grader.grade(exercise, submission)
        if not graded.report.passed or graded.evidence is None:
            raise SandboxError(f"a right answer was not accepted: {graded.report}")
        bundles.store(self._bench.folder / NAME / "evidence", graded.evidence, graded.report.timing)

    def _quiet(self) -> None:
        """Wait until all engines of the pool are ready and have come to rest."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._observer.ready() < self._bench.settings.engines:
            if time.monotonic() > deadline:
                raise SandboxError("the pool of engines does not fill")
            time.sleep(0.05)
        time.sleep(_QUIET_SECONDS)


def _run_commands(engine: Engine) -> None:
    output, status = engine.execute(("/bin/bash", "/answer/answer.sh"), wall_seconds=60, output_bytes=65_536)
    if status:
        raise SandboxError(f"docker commands ended with {status}: {output.stderr.decode()[-500:]}")


def _run_build(engine: Engine) -> None:
    output, status = engine.execute(
        (
            *("docker", "buildx", "build", "--network", "none", "--progress", "plain"),
            *("--tag", "answer", "--file", "/answer/Dockerfile", "/answer"),
        ),
        wall_seconds=60,
        output_bytes=65_536,
    )
    if status:
        raise SandboxError(f"the build ended with {status}: {output.stderr.decode()[-500:]}")


def _rows(samples: dict[str, Samples]) -> tuple[Row, ...]:
    rows = []
    for what in ("commands", "build"):
        alone, graded = samples[f"{what} alone"], samples[f"{what} graded"]
        rows.append(
            Row(
                f"docker profile, {what}: what grading adds to their own time in a ready engine",
                graded.p50 - alone.p50,
                "at most",
                OVERHEAD_MS,
                "ms",
                f"{graded.p50:.0f} ms, of which {alone.p50:.0f} ms are their own",
            )
        )
    classic, graded = samples["classic"], samples["build graded"]
    rows.append(
        Row(
            "3-step build as an answer, of the classic builder on a host",
            ratio(graded, classic),
            "at most",
            SHARE_OF_CLASSIC,
            "",
            f"{graded.p50:.0f} ms of {classic.p50:.0f} ms",
        )
    )
    return tuple(rows)


def _named(phases: dict[str, Phases]) -> dict[str, Samples]:
    return {
        f"phase {name} ({slug})": taken
        for slug, measured in phases.items()
        for name, taken in measured.samples().items()
    }
