"""The command line as a whole: help, versions, exit codes, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from grader import __version__
from grader.cli import app
from tests.cli.conftest import Ran

Run = Callable[..., Ran]
CHECKOUT = Path(__file__).parents[2]


def grader(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version_and_usage(run: Run) -> None:
    assert run("--version").out == f"grader, version {__version__}\n"
    assert run("no-such-command").code == 2
    assert run("list", "--no-such-option").code == 2
    assert run("--help").code == 0


def test_every_command_helps_with_an_example() -> None:
    with click.Context(app) as context:
        names = app.list_commands(context)
        assert {"list", "show", "grade", "batch", "rejudge", "verify", "new", "evidence", "samples"} <= set(
            names
        )
        for name in names:
            command = app.get_command(context, name)
            assert command is not None
            assert command.epilog, name
            assert f"grader {name}" in command.epilog
            assert command.help


def test_an_unknown_exercise_is_a_usage_error(run: Run) -> None:
    for command in (
        ("show", "statu"),
        ("grade", "statu", "x"),
        ("verify", "statu"),
        ("evidence", "statu", "x"),
    ):
        found = run(*command)
        assert (found.code, found.out) == (2, "")
        assert "did you mean status?" in found.err


def test_a_broken_setting_is_a_usage_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_RUNTIME", "podman")
    found = run("list")
    assert (found.code, found.err) == (2, "grader: GRADER_RUNTIME is 'podman': crun and runc are known\n")


def test_exercises_can_be_named_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    run("new", "mine", "--into", tmp_path / "more")
    assert "mine" in run("--exercises", tmp_path / "more", "list").out
    assert "mine" in run("list", "--exercises", tmp_path / "more").out
    assert "mine" not in run("list").out


def test_completes_slugs_in_a_shell() -> None:
    found = grader(_GRADER_COMPLETE="bash_complete", COMP_WORDS="grader show a4", COMP_CWORD="2")
    assert found.stdout.splitlines() == ["plain,a4-oom-kill"]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = f"'{sys.executable}' -m grader list --json | head -c 1; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(
        ["bash", "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.splitlines() == ["{0"]
    assert found.stderr == ""
