"""Grading one answer from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from grader import bundles
from grader.errors import SandboxError, UnavailableError
from grader.observe import observer
from tests.cli.conftest import Ran, WrittenObserver

Run = Callable[..., Ran]


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.sh"
    path.write_text("exit 7\n")
    return path


def test_says_what_came_of_it(run: Run, answer: Path) -> None:
    found = run("grade", "status", answer)
    assert found.code == 0
    assert "passed  3 of 3 points" in found.out
    answer.write_text("exit 1\n")
    found = run("grade", "status", answer)
    assert found.code == 1
    assert "expected: 7" in found.out
    assert "actual: 1" in found.out


def test_writes_json_evidence_junit_and_gradescope(run: Run, answer: Path, tmp_path: Path) -> None:
    found = run(
        "grade", "status", answer, "--participant", "ada", "--json", "--evidence", tmp_path / "e.json",
        "--junit-xml", tmp_path / "j.xml", "--gradescope", tmp_path / "g.json",
    )  # fmt: skip
    report = msgspec.json.decode(found.out)
    assert (report["status"], report["score"], report["participant"]) == ("graded", 3.0, "ada")
    assert bundles.read(str(tmp_path / "e.json")).address == report["evidence"]
    assert etree.parse(tmp_path / "j.xml").getroot().get("tests") == "2"
    assert msgspec.json.decode((tmp_path / "g.json").read_bytes())["score"] == 3.0
    assert run("grade", "status", answer, "--junit-xml", "-").out.startswith("<?xml")


def test_the_bundle_gives_the_same_report_again(run: Run, answer: Path, tmp_path: Path) -> None:
    report = run("grade", "status", answer, "--json", "--evidence", tmp_path / "e.json").out
    again = msgspec.json.decode(run("rejudge", tmp_path / "e.json", "--json", "-").out)
    assert again["reports"] == [msgspec.json.decode(report)]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "'answer.sh' is empty"),
        (b"\0", "NUL byte"),
        (b"\xff", "UTF-8"),
        (b"x" * (50 << 20), "52,428,800"),
    ],
)
def test_malformed_input_exits_with_2_and_says_why(
    run: Run, answer: Path, content: bytes, cause: str
) -> None:
    answer.write_bytes(content)
    found = run("grade", "status", answer)
    assert (found.code, found.out) == (2, "")
    assert cause in found.err
    assert found.err.count("\n") == 1
    report = msgspec.json.decode(run("grade", "status", answer, "--json").out)
    assert report["malformed"]
    assert cause in report["error"]


def test_a_missing_answer_is_malformed(run: Run, tmp_path: Path) -> None:
    found = run("grade", "status", tmp_path / "nowhere")
    assert found.code == 2
    assert "'nowhere' cannot be read" in found.err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SandboxError("no disk"), "no disk"),
        (UnavailableError("no crun", "apt install crun"), "mend it by: apt install crun"),
    ],
)
def test_the_machines_trouble_exits_with_3(
    run: Run, answer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(WrittenObserver, "observe", fail)
    found = run("grade", "status", answer, "--json", "--gradescope", tmp_path / "g.json")
    assert found.code == 3
    report = msgspec.json.decode(found.out)
    assert (report["status"], report["checks"]) == ("ungradable", [])
    assert said in report["error"]
    assert not (tmp_path / "g.json").exists()


def test_a_machine_without_rights_exits_with_3(
    run: Run, answer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UnavailableError("sandboxes need root", "sudo")

    monkeypatch.setattr(observer, "Observer", refuse)
    found = run("grade", "status", answer)
    assert (found.code, found.err) == (3, "grader: sandboxes need root; mend it by: sudo\n")


def test_an_output_that_cannot_be_written_is_named(run: Run, answer: Path) -> None:
    found = run("grade", "status", answer, "--junit-xml", "/proc/nowhere/j.xml")
    assert found.code == 2
    assert "/proc/nowhere/j.xml" in found.err


def test_shows_what_checks_can_see(run: Run, answer: Path) -> None:
    found = msgspec.json.decode(run("evidence", "status", answer).out)
    assert found["sections"]["run"]["exit_code"] == 7
    answer.write_text("")
    assert run("evidence", "status", answer).code == 2
