"""Measures one plain answer in a warm process, from its files to the stored verdict."""

from __future__ import annotations

from bench.bare_runtime import BareRuntime, bare_runtime
from bench.bench import Bench, milliseconds
from bench.figures import Measured, Row, Samples, ratio
from bench.phases import Phases
from bench.workshop import PLAIN, SCRIPT, read_exercise, write_answers
from grader import bundles
from grader import evidence as evidence_format
from grader.batch import Answers, Entry
from grader.errors import SandboxError
from grader.exercise.catalogue import Catalogue
from grader.grading import Grader
from grader.judging import Judges
from grader.observe.observer import Observer
from grader.observe.watch import Watch
from grader.sandbox.pump import Pump
from grader.sandbox.sandbox import Host, Sandbox

NAME = "plain"
SHARE_OF_DOCKER = 0.07
EVIDENCE_MS = 5.0

# What a verdict rests on; these follow one another, none is inside another.
_EVIDENCE = {
    "last look": (Watch, "finish"),
    "processor time": (Sandbox, "processor_ms"),
    "evidence to JSON": (evidence_format, "to_json"),
    "judging": (Judges, "judge"),
    "storing the bundle": (bundles, "store"),
}
_REST = {
    "preparing the sandbox": (Sandbox, "__init__"),
    "laying the files": (Sandbox, "put"),
    "starting by the runtime": (Sandbox, "launch"),
    "the answer itself": (Pump, "run"),
    "disposing": (Sandbox, "dispose"),
}


def measure(bench: Bench) -> Measured:
    """Measure, one after the other and again: `docker run`, the runtime alone, the grader."""
    exercise = read_exercise(bench.exercises, PLAIN)
    folder = bench.folder / NAME
    answers_folder, evidence = folder / "answers", folder / "evidence"
    write_answers(answers_folder, PLAIN, "answer.sh", SCRIPT, 1)
    entry = Entry("participant-0000", "participant-0000", PLAIN)
    phases = Phases()
    docker: list[float] = []
    alone: list[float] = []
    graded: list[float] = []
    evidence_ms: list[float] = []
    with (
        Observer(bench.settings, (exercise,)) as observer,
        Judges((exercise,)) as judges,
        bare_runtime(Host.prepare(bench.settings), folder / "runtime") as runtime,
    ):
        catalogue = Catalogue((bench.exercises,))
        catalogue.look_up(PLAIN)
        answers = Answers(
            answers_folder, catalogue, Grader(observer, judges), lambda *_: {}, evidence=evidence
        )
        for _ in range(3):
            _round(bench, runtime, answers, entry)
        with phases.watch(_EVIDENCE | _REST):
            for _ in range(bench.times(80)):
                one, other, third = _round(bench, runtime, answers, entry)
                docker.append(one)
                alone.append(other)
                graded.append(third)
                evidence_ms.append(sum(phases.spent[name][-1] for name in _EVIDENCE))
    by_docker, by_grader = Samples("ms", tuple(docker)), Samples("ms", tuple(graded))
    by_runtime = Samples("ms", tuple(alone))
    with_evidence = Samples("ms", tuple(evidence_ms))
    return Measured(
        NAME,
        (
            Row(
                "plain answer, files to stored verdict, of `docker run`",
                ratio(by_grader, by_docker),
                "at most",
                SHARE_OF_DOCKER,
                "",
                f"{by_grader.p50:.1f} ms of {by_docker.p50:.0f} ms; runtime alone {by_runtime.p50:.1f} ms",
            ),
            Row(
                "evidence and judging of a plain answer",
                with_evidence.p50,
                "at most",
                EVIDENCE_MS,
                "ms",
                f"p95 {with_evidence.p95:.1f} ms",
            ),
        ),
        {
            "docker run": by_docker,
            "runtime alone": by_runtime,
            "grader, files to stored verdict": by_grader,
            "evidence and judging": with_evidence,
            **{f"phase {name}": taken for name, taken in phases.samples().items()},
        },
    )


def _round(bench: Bench, runtime: BareRuntime, answers: Answers, entry: Entry) -> tuple[float, float, float]:
    docker = milliseconds(lambda: bench.yardstick.run(SCRIPT))
    (ready,) = runtime.prepare(1)
    alone = milliseconds(lambda: runtime.run(ready))
    graded = milliseconds(lambda: _grade(answers, entry))
    return docker, alone, graded


def _grade(answers: Answers, entry: Entry) -> None:
    report = answers.grade(entry)
    if not report.passed:
        raise SandboxError(f"a right answer was not accepted: {report}")
