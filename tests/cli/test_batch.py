"""Grading a folder from the command line: outputs, exit codes, interruption, going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from grader.cli.outputs import exit_code_under
from grader.errors import SandboxError
from grader.judge import ungradable
from grader.model import Outcome, Timing
from grader.progress import SILENT
from tests.cli.conftest import Ran, WrittenObserver
from tests.literals import CHECKS, report_of, write_exercise

Run = Callable[..., Ran]
CHECKOUT = Path(__file__).parents[2]


def hand_in(folder: Path, **texts: str) -> Path:
    for participant, text in texts.items():
        path = folder / participant / "status" / "answer.sh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return hand_in(tmp_path / "answers", ada="exit 7\n", bob="exit 1\n", carl="exit 7\n")


def reports(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes())["reports"]
    return found


def test_writes_every_output(run: Run, answers: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = run(
        "batch", answers, "--json", out / "r.json", "--csv", out / "r.csv", "--junit-xml", out / "r.xml",
        "--evidence", out / "bundles", "--jobs", "2",
    )  # fmt: skip
    assert found.code == 1
    assert "3 submissions: 2 passed, 1 failed" in found.out
    assert "3 of 3" in found.err
    assert [(report["participant"], report["score"]) for report in reports(out / "r.json")] == [
        ("ada", 3.0),
        ("bob", 1.0),
        ("carl", 3.0),
    ]
    schema = etree.XMLSchema(etree.parse(CHECKOUT / "tests/report/jenkins-junit.xsd"))
    schema.assertValid(etree.parse(out / "r.xml"))
    assert (out / "r.csv").read_text().splitlines()[2].startswith("bob,status,failed,1,3")
    assert len(list((out / "bundles").iterdir())) == 3


def test_rejudging_gives_the_same_bytes(run: Run, answers: Path, tmp_path: Path) -> None:
    run("batch", answers, "--json", tmp_path / "a.json", "--evidence", tmp_path / "bundles")
    found = run("rejudge", tmp_path / "bundles", "--json", tmp_path / "b.json")
    assert found.code == 1
    assert found.err == ""
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_rejudging_warns_of_changes_and_damage(
    run: Run, answers: Path, exercises: Path, tmp_path: Path
) -> None:
    run("batch", answers, "--json", tmp_path / "a.json", "--evidence", tmp_path / "bundles")
    write_exercise(exercises, checks=CHECKS.replace("exit_code == 7", "exit_code == 1"))
    found = run("rejudge", tmp_path / "bundles", "--json", tmp_path / "b.json")
    assert "status was changed since 3 of the bundles were observed" in found.err
    assert [report["score"] for report in reports(tmp_path / "b.json")] == [1.0, 3.0, 1.0]
    damaged = next((tmp_path / "bundles").iterdir())
    damaged.write_bytes(damaged.read_bytes().replace(b'"participant"', b'"PARTICIPANT"'))
    found = run("rejudge", tmp_path / "bundles", "--json", tmp_path / "c.json")
    assert found.code == 2
    assert f"{damaged}: its evidence was changed" in found.err
    assert len(reports(tmp_path / "c.json")) == 2
    assert run("rejudge", tmp_path / "nowhere").code == 2


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ({"ada": "exit 7"}, 0),
        ({"ada": "exit 7", "bob": "exit 1"}, 1),
        ({"ada": "exit 7", "bob": "exit 1", "carl": ""}, 2),
        ({"ada": "exit 7", "bob": "exit 1", "carl": "", "dora": "exit 99"}, 3),
    ],
)
def test_the_worst_decides_the_exit_code(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: dict[str, str], code: int
) -> None:
    observe = WrittenObserver.observe

    def fail_at_99(self: WrittenObserver, exercise: Any, submission: Any, progress: Any = SILENT) -> Any:
        if b"99" in submission.files["answer.sh"]:
            raise SandboxError("no disk")
        return observe(self, exercise, submission, progress)

    monkeypatch.setattr(WrittenObserver, "observe", fail_at_99)
    assert run("batch", hand_in(tmp_path / "answers", **texts), "--json", tmp_path / "r.json").code == code
    assert len(reports(tmp_path / "r.json")) == len(texts)


@pytest.mark.parametrize(("threshold", "code"), [(None, 1), (66.6, 0), (66.7, 1), (100.0, 1)])
def test_a_threshold_decides_instead_of_failures(threshold: float | None, code: int) -> None:
    lost = ungradable("status", "eve", 9.0, "no disk", Timing())
    found = [report_of(Outcome.PASSED, Outcome.FAILED), report_of(Outcome.PASSED)]
    assert exit_code_under(found, threshold) == code
    assert exit_code_under([*found, lost], threshold) == 3
    assert exit_code_under([], threshold) == 0


def test_refused_participants_are_malformed_input(run: Run, answers: Path) -> None:
    (answers / "bob/status/answer.sh").write_text("exit 7")
    (answers / "linked").symlink_to(answers / "ada")
    found = run("batch", answers, "--fail-under", "50")
    assert found.code == 2
    assert "'linked' is neither a folder nor a file" in found.err
    assert "100.0 % of the points reached" in found.err


def test_usage_errors(run: Run, answers: Path, tmp_path: Path) -> None:
    assert run("batch", tmp_path / "nowhere").code == 2
    assert run("batch", answers, "--exercise", "unknown").code == 2
    assert run("batch", answers, "--json", "-", "--csv", "-").code == 2
    assert run("batch", answers, "--jobs", "0").code == 2
    found = run("batch", answers, "--resume")
    assert found.code == 2
    assert "--resume needs an output" in found.err


def test_standard_output_holds_nothing_but_what_was_asked_for(run: Run, answers: Path) -> None:
    found = run("batch", answers, "--json", "-")
    assert len(msgspec.json.decode(found.out)["reports"]) == 3
    assert "3 submissions" in found.err
    quiet = run("batch", answers, "-q", "--csv", "-")
    assert quiet.out.startswith("participant,")
    assert quiet.err == ""


def test_an_empty_folder_is_nothing_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    found = run("batch", tmp_path / "answers", "--json", tmp_path / "r.json")
    assert found.code == 0
    assert reports(tmp_path / "r.json") == []


def test_goes_on_where_it_stopped(run: Run, answers: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    run("batch", answers, "--json", out)
    first = reports(out)
    hand_in(answers, bob="exit 7\n", dora="exit 2\n")
    assert run("batch", answers, "--json", out, "--resume").code == 1
    second = reports(out)
    assert [report["score"] for report in second] == [3.0, 3.0, 3.0, 1.0]
    assert [second[0], second[2]] == [first[0], first[2]]
    (tmp_path / "r.json.journal").unlink()
    run("batch", answers, "--json", out, "--resume")
    assert reports(out) == second


SLOW = """
import sys, time
sys.path.insert(0, {checkout!r})
from grader import cli
from grader.observe import observer
from tests.cli.conftest import WrittenObserver

class Slow(WrittenObserver):
    def observe(self, exercise, submission, progress):
        time.sleep({seconds})
        return super().observe(exercise, submission, progress)

observer.Observer = Slow
cli.main()
"""


def start(answers: Path, out: Path, seconds: float, *more: str) -> subprocess.Popen[str]:
    code = SLOW.format(checkout=str(CHECKOUT), seconds=seconds)
    arguments = ["batch", str(answers), "--jobs", "2", "--json", str(out), *more]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    journal = Path(f"{out}.journal")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.02)
    return process


def many(folder: Path, count: int = 40) -> Path:
    return hand_in(folder, **{f"p{number:02}": "exit 7\n" for number in range(count)})


@pytest.mark.usefixtures("exercises")
def test_one_interruption_reports_what_there_is(run: Run, tmp_path: Path) -> None:
    answers, out = many(tmp_path / "answers"), tmp_path / "r.json"
    with start(answers, out, 0.2, "--junit-xml", str(tmp_path / "r.xml")) as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: every process of the group
        printed, said = process.communicate(timeout=20)
    assert process.returncode == 130
    done = len(reports(out))
    assert 0 < done < 40
    assert f"interrupted: {done} of 40 graded" in said
    assert f"{done} submissions" in printed
    assert len(etree.parse(tmp_path / "r.xml").getroot()) == done
    found = run("batch", answers, "--json", out, "--resume")
    assert found.code == 0
    assert len(reports(out)) == 40


@pytest.mark.usefixtures("exercises")
def test_a_second_interruption_ends_it_at_once(tmp_path: Path) -> None:
    answers, out = many(tmp_path / "answers", 4), tmp_path / "r.json"
    hand_in(answers, a="exit 7\n")
    with start(answers, out, 1.5) as process:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - began < 1.5
    assert len(reports(out)) >= 1


@pytest.mark.usefixtures("exercises")
def test_a_batch_that_was_killed_goes_on(run: Run, tmp_path: Path) -> None:
    answers, out = many(tmp_path / "answers"), tmp_path / "r.json"
    with start(answers, out, 0.1) as process:
        time.sleep(0.3)
        process.kill()
    assert not out.exists()
    lines = Path(f"{out}.journal").read_bytes().count(b"\n")
    assert lines >= 2
    found = run("batch", answers, "--json", out, "--resume")
    assert found.code == 0
    kept = [report for report in reports(out) if report["timing"]["observe_ms"] >= 100]
    assert len(kept) == lines
    assert len(reports(out)) == 40


def test_a_batch_ends_at_its_time(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observe = WrittenObserver.observe

    def slow(self: WrittenObserver, *arguments: Any) -> Any:
        time.sleep(0.2)
        return observe(self, *arguments)

    monkeypatch.setattr(WrittenObserver, "observe", slow)
    answers, out = many(tmp_path / "answers", 10), tmp_path / "r.json"
    assert run("batch", answers, "--json", out, "--jobs", "2", "--timeout", "0.3").code == 3
    states = [report["status"] for report in reports(out)]
    assert 2 <= states.count("graded") <= 4
    assert len(states) == 10
    assert run("batch", answers, "--json", out, "--jobs", "4", "--resume").code == 0
