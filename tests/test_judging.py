"""Child processes judge: a check that never ends costs its own points and nobody else anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from grader import bundles, judge
from grader.errors import GraderError, SandboxError
from grader.evidence import to_json
from grader.exercise import load
from grader.judging import DEADLINE, Judges
from grader.model import Exercise, Outcome, Timing
from tests.literals import CHECKS, evidence_of, exercise_with, write_exercise

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return load(write_exercise(tmp_path))


@pytest.fixture(params=[False, True], ids=["started", "forked"])
def forked(request: pytest.FixtureRequest) -> bool:
    """Whether children are copies of this process, as they are where it has no other thread yet."""
    return bool(request.param)


@contextmanager
def made(exercise: Exercise, *, forked: bool, size: int = 2, deadline: float = DEADLINE) -> Iterator[Judges]:
    with Judges([exercise], size=size, deadline=deadline) as judges:
        if forked:
            # Of pytest's own a watchdog may be there, which holds nothing that a copy would miss.
            with patch("threading.active_count", return_value=1):
                judges.warm()
            assert len(judges._every) == size
        yield judges


@pytest.fixture
def judges(exercise: Exercise, forked: bool) -> Iterator[Judges]:
    with made(exercise, forked=forked) as judges:
        yield judges


def children() -> set[int]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread or a child that has ended
            for pid in (task / "children").read_text().split():
                if b"python" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(int(pid))
    return found


def test_judges_as_the_judge_itself_does(exercise: Exercise, judges: Judges) -> None:
    for evidence in (evidence_of(exercise), evidence_of(exercise, exit_code=1, stdout="ü" * 200_000)):
        assert judges.judge(exercise, to_json(evidence)) == judge.judge(exercise, evidence)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",  # in C code: no signal handler would ever run
        "10 ** 10 ** 10",
    ],
)
def test_a_check_that_never_ends_is_an_error_of_its_own(tmp_path: Path, forked: bool, body: str) -> None:
    exercise = exercise_with(tmp_path, body)
    with made(exercise, forked=forked, size=1, deadline=0.2) as judges:
        broken, right = judges.judge(exercise, to_json(evidence_of(exercise)))
        assert broken.outcome is Outcome.ERROR
        assert broken.feedback
        assert broken.feedback.message == "broken/checks.py:4: works did not end within 0.2 s"
        assert right.outcome is Outcome.PASSED
        assert len(children()) == 1
    assert not children()


def test_a_check_that_sleeps_is_ended_too(tmp_path: Path, forked: bool) -> None:
    exercise = exercise_with(tmp_path, "import time; time.sleep(3600)")
    with made(exercise, forked=forked, size=1, deadline=0.5) as judges:
        began = time.monotonic()
        assert judges.judge(exercise, to_json(evidence_of(exercise)))[0].outcome is Outcome.ERROR
        assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_check_that_kills_its_process_is_an_error(
    tmp_path: Path, forked: bool, body: str, ended: str
) -> None:
    exercise = exercise_with(tmp_path, body)
    with made(exercise, forked=forked, size=1) as judges:
        broken, right = judges.judge(exercise, to_json(evidence_of(exercise)))
    assert broken.feedback
    assert broken.feedback.message == (f"broken/checks.py:4: works ended the judging process ({ended})")
    assert right.outcome is Outcome.PASSED


def test_a_check_that_takes_all_memory_is_an_error(tmp_path: Path, forked: bool) -> None:
    exercise = exercise_with(tmp_path, "x = []\nwhile True: x.append(bytearray(1 << 28))")
    with made(exercise, forked=forked, size=1, deadline=20) as judges:
        broken = judges.judge(exercise, to_json(evidence_of(exercise)))[0]
    assert broken.feedback
    assert "MemoryError" in broken.feedback.message


def test_what_a_check_prints_goes_nowhere(
    tmp_path: Path, forked: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    exercise = exercise_with(tmp_path, "print('x' * 100_000)\nimport os; os.write(0, b'forged')\ninput()")
    with made(exercise, forked=forked, size=1) as judges:
        results = judges.judge(exercise, to_json(evidence_of(exercise)))
    assert [result.outcome for result in results] == [Outcome.ERROR, Outcome.PASSED]
    assert capfd.readouterr().out == ""


def test_a_child_killed_from_outside_is_replaced(exercise: Exercise, judges: Judges) -> None:
    data = to_json(evidence_of(exercise))
    for _ in range(3):
        assert judges.judge(exercise, data)[1].outcome is Outcome.PASSED
        for pid in children():
            os.kill(pid, signal.SIGKILL)


def test_many_threads_share_few_children(exercise: Exercise) -> None:
    with Judges([exercise], size=2) as judges, ThreadPoolExecutor(8) as pool:
        codes = [number % 9 for number in range(400)]
        found = pool.map(
            lambda code: judges.judge(exercise, to_json(evidence_of(exercise, exit_code=code))), codes
        )
        assert [results[1].outcome is Outcome.PASSED for results in found] == [code == 7 for code in codes]
        assert len(children()) <= 2


def test_a_thread_that_ends_takes_no_child_along(exercise: Exercise, judges: Judges) -> None:
    data = to_json(evidence_of(exercise))
    thread = threading.Thread(target=judges.judge, args=(exercise, data))
    thread.start()
    thread.join()
    before = children()
    judges.judge(exercise, data)
    assert children() == before
    assert len(before) == len(judges._every)


def test_an_exercise_changed_meanwhile_is_refused(exercise: Exercise, judges: Judges, forked: bool) -> None:
    write_exercise(exercise.folder.parent, checks=CHECKS.replace("7", "8"))
    if forked:  # a copy has what was loaded before, and need not read it again
        assert judges.judge(exercise, to_json(evidence_of(exercise)))[1].outcome is Outcome.PASSED
        return
    with pytest.raises(GraderError, match="was changed while it was in use"):
        judges.judge(exercise, to_json(evidence_of(exercise)))


def test_an_exercise_of_somebody_else_is_refused(tmp_path: Path, judges: Judges) -> None:
    other = load(write_exercise(tmp_path, "other"))
    with pytest.raises(GraderError, match="do not know the exercise other"):
        judges.judge(other, to_json(evidence_of(other)))


def test_damaged_evidence_is_refused(exercise: Exercise, judges: Judges) -> None:
    with pytest.raises(GraderError, match="not evidence"):
        judges.judge(exercise, b"{}")


def test_children_that_cannot_start_are_our_trouble(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Judges([exercise]) as judges, pytest.raises(SandboxError, match="before any check begins"):
        judges.judge(exercise, to_json(evidence_of(exercise)))


def test_closed_judges_refuse(exercise: Exercise) -> None:
    judges = Judges([exercise])
    judges.close()
    with pytest.raises((GraderError, RuntimeError)):
        judges.judge(exercise, to_json(evidence_of(exercise)))


def test_children_hold_no_descriptor_of_ours_and_die_with_us(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path)
    code = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(CHECKOUT)!r})
from grader.exercise import load
from grader.judging import Judges
secret = os.open("/etc/passwd", os.O_RDONLY)
os.set_inheritable(secret, True)
judges = Judges([load(Path({str(folder)!r}))])
judges.warm()
time.sleep(0.1)
while not judges._every: time.sleep(0.01)
child = next(iter(judges._every))._process.pid
print(child, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        deadline = time.monotonic() + 5
        links: list[str] = []
        while time.monotonic() < deadline and "python" not in os.readlink(f"/proc/{child}/exe"):
            time.sleep(0.01)
        time.sleep(0.3)
        links = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
        parent.kill()
        while time.monotonic() < deadline and _running(child):
            time.sleep(0.01)
        assert not _running(child)
    assert "/etc/passwd" not in links
    assert len(links) <= 5, links


def _running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_judgement_costs_under_a_millisecond(exercise: Exercise, judges: Judges) -> None:
    data = to_json(evidence_of(exercise))
    judges.judge(exercise, data)
    times = []
    for _ in range(300):
        began = time.perf_counter()
        judges.judge(exercise, data)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    sys.stdout.write(f"\na judgement in a child: p50 {times[150]:.3f} ms, p95 {times[285]:.3f} ms\n")
    assert times[30] < 1.0  # the machine may be busy with other tests: its quiet moments count


def _store(folder: Path, exercise: Exercise, count: int) -> list[str]:
    timing = Timing(0.0, 12.5, 0.75, 13.25)
    return [
        str(
            bundles.store(
                folder,
                to_json(evidence_of(exercise, exit_code=number % 9, participant=f"p{number}")),
                timing,
            )
        )
        for number in range(count)
    ]


def test_rejudges_a_thousand_bundles_a_second(tmp_path: Path, exercise: Exercise) -> None:
    paths = _store(tmp_path / "bundles", exercise, 2_000)
    with Judges([exercise]) as judges, ThreadPoolExecutor(2) as pool:
        judges.rejudge(paths[:1])
        chunks = [paths[start : start + 64] for start in range(0, len(paths), 64)]
        began = time.perf_counter()
        verdicts = [verdict for found in pool.map(judges.rejudge, chunks) for verdict in found]
        rate = len(paths) / (time.perf_counter() - began)
    sys.stdout.write(f"\nrejudged {rate:,.0f} bundles/s\n")
    assert len(verdicts) == 2_000
    assert all(verdict.report and not verdict.changed for verdict in verdicts)
    assert sum(verdict.report.passed for verdict in verdicts if verdict.report) == 222
    assert rate > 1_000 / 3  # the machine may be busy with other tests


def test_rejudges_around_a_check_that_never_ends(tmp_path: Path) -> None:
    exercise = exercise_with(tmp_path, "while evidence.run.exit_code == 3: pass")
    paths = _store(tmp_path / "bundles", exercise, 5)
    with Judges([exercise], size=1, deadline=0.2) as judges:
        verdicts = judges.rejudge(paths)
    outcomes = {
        verdict.report.participant: [check.outcome for check in verdict.report.checks]
        for verdict in verdicts
        if verdict.report
    }
    fine = [Outcome.PASSED, Outcome.PASSED]
    assert outcomes == {
        **{f"p{number}": fine for number in (0, 1, 2, 4)},
        "p3": [Outcome.ERROR, Outcome.PASSED],
    }


def test_rejudging_tells_what_changed_what_is_damaged_and_what_is_unknown(
    tmp_path: Path, exercise: Exercise
) -> None:
    old, broken = _store(tmp_path / "bundles", exercise, 2)
    Path(broken).write_text("{}")
    other = load(write_exercise(tmp_path, "other"))
    (unknown,) = _store(tmp_path / "more", other, 1)
    changed = load(write_exercise(tmp_path, checks=CHECKS.replace("exit_code == 7", "exit_code == 0")))
    with Judges([changed]) as judges:
        first, second, third = judges.rejudge([old, broken, unknown])
    assert first.report
    assert first.report.passed
    assert first.changed
    assert "not an evidence bundle" in second.error
    assert "'other', is unknown here" in third.error
