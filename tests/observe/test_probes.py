"""Probes whose outcome an engine can lose."""

from types import SimpleNamespace
from typing import Any

import pytest

from grader.evidence import Probe
from grader.observe import probes
from grader.probe import RunContainer, Script

_LOG = 'level=error msg="stream copy error: reading from a closed fifo"'


@pytest.mark.parametrize(
    ("log", "first", "runs"),
    [
        (_LOG, Probe("", "", ok=True, details={"signalled": False}), 2),
        ("", Probe("", "", ok=True, details={"signalled": False}), 1),
        (_LOG, Probe("", "", ok=True, stdout="all of it\n", details={"signalled": False}), 1),
        (_LOG, Probe("", "", ok=True, details={"signalled": True}), 1),
    ],
    ids=["lost", "silent", "heard", "signalled"],
)
def test_a_container_runs_once_more_where_dockerd_lost_what_it_said(
    monkeypatch: pytest.MonkeyPatch, log: str, first: Probe, runs: int
) -> None:
    said = [first, Probe("", "", ok=True, stdout="all of it\n", details={"signalled": False})]
    made: list[Probe] = []

    def run_once(*_: object) -> Probe:
        made.append(said[len(made)])
        return made[-1]

    monkeypatch.setattr(probes, "_run_once", run_once)
    context: Any = SimpleNamespace(engine=SimpleNamespace(log=lambda: log))
    found = probes._run(RunContainer(image="answer"), context)
    assert (len(made), found) == (runs, said[runs - 1])


@pytest.mark.parametrize(
    ("repeatable", "lost", "runs"),
    [(True, 1, 2), (True, 0, 1), (False, 1, 1)],
    ids=["lost", "heard", "with-effects"],
)
def test_a_script_runs_once_more_only_if_it_may(
    monkeypatch: pytest.MonkeyPatch, repeatable: bool, lost: int, runs: int
) -> None:
    """What was lost before the script began is none of its business."""
    lines = [_LOG]
    made: list[Probe] = []

    def command(*_: object) -> Probe:
        lines.extend([_LOG] * (lost if not made else 0))
        made.append(Probe("", "", ok=True, stdout=f"{len(made)}"))
        return made[-1]

    monkeypatch.setattr(probes, "_command", command)
    engine = SimpleNamespace(
        log_size=lambda: len("\n".join(lines)), log=lambda since: "\n".join(lines)[since:]
    )
    context: Any = SimpleNamespace(engine=engine)
    found = probes._script(Script(script="true", repeatable=repeatable), context)
    assert (len(made), found) == (runs, made[-1])
