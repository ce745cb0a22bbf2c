"""Conversations: texts are waited for in their order, and only then is something typed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.observe.observer import Observer
from grader.observe.terminal import Conversation, command
from grader.probe import Step
from grader.settings import Settings
from tests.observe.test_answers import exercise, observe


@pytest.fixture
def keyboard() -> Iterator[tuple[int, int]]:
    """The two ends of what is typed: readable, writable."""
    reading, writing = os.pipe2(os.O_NONBLOCK)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def typed(reading: int) -> bytes:
    try:
        return os.read(reading, 65_536)
    except BlockingIOError:
        return b""


def test_nothing_is_typed_before_its_text_has_come(keyboard: tuple[int, int]) -> None:
    """A text may come in pieces; each is looked for behind the one before."""
    reading, writing = keyboard
    steps = (Step(expect=">>> ", send="6*7"), Step(expect=">>> ", send="\x04", enter=False))
    conversation = Conversation(steps, writing, 5.0, tuple)
    conversation.heard(b"Python\r\n>>")
    assert typed(reading) == b""
    conversation.heard(b"> ")
    assert typed(reading) == b"6*7\r"
    conversation.heard(b"6*7\r\n42\r\n")
    assert (typed(reading), conversation.missed) == (b"", ">>> ")
    conversation.heard(b">>> ")
    assert (typed(reading), conversation.missed) == (b"\x04", None)
    assert conversation.replies == ["Python\n>>> ", "6*7\n42\n>>> "]


def test_what_only_changes_looks_is_left_out(keyboard: tuple[int, int]) -> None:
    """Colours, titles and the cursor's moves, also where one is cut in two."""
    conversation = Conversation((Step(expect="ok now"),), keyboard[1], 5.0, tuple)
    conversation.heard(b"\x1b]0;title\x07\x1b[1;32mok\x1b[")
    conversation.heard(b"0m now\x1b[?2004h")
    assert conversation.transcript == "ok now"
    assert conversation.missed is None


def test_patience_runs_out(keyboard: tuple[int, int]) -> None:
    """The run is ended, and the missed text is named."""
    conversation = Conversation((Step(expect="never"),), keyboard[1], 0.0, tuple)
    assert conversation.tick(0.0) is None
    assert conversation.missed == "never"


def test_a_program_that_reads_nothing_does_not_block(keyboard: tuple[int, int]) -> None:
    """What it cannot take is dropped."""
    steps = (Step(expect="a", send="x" * 65_000), Step(expect="b", send="y" * 65_000), Step(expect="c"))
    conversation = Conversation(steps, keyboard[1], 5.0, tuple)
    conversation.heard(b"abc")
    assert conversation.missed is None


@pytest.mark.skipif(shutil.which("script") is None, reason="script(1) is not installed")
def test_the_terminal_is_one(tmp_path: Path) -> None:
    """The command that makes it: a program finds a terminal of the size that was set."""
    done = subprocess.run(
        command(("bash", "-c", "test -t 0 && test -t 1 && stty size; exit 3")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout.split()) == (3, [b"24", b"80"])


CONVERSATION = """
profile = "docker"
[[files]]
name = "talk.sh"
kind = "file"
[[probes]]
name = "talk"
action = "converse"
command = ["bash", "/answer/talk.sh"]
wait_seconds = 20
steps = [
    { expect = "# ", send = "test -t 0 && echo $((6 * 7)) inside" },
    { expect = "42 inside", send = "exit 5" },
]
"""


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.slow
def test_a_conversation_with_a_container(settings: Settings, tmp_path: Path) -> None:
    """Through `docker run -it`: transcript, processes at its height, and the status in the end."""
    own = Settings(state_dir=settings.state_dir, run_dir=settings.run_dir, engines=1)
    with Observer(own) as observer:
        found = observe(
            observer,
            exercise(tmp_path, CONVERSATION),
            talk__sh="exec docker run --rm -it --network none nilcons/debian bash",
        )
    probe = found.probe("talk")
    assert (probe.ok, probe.exit_code, probe.details["met"]) == (True, 5, 2), probe
    assert "\n42 inside\n" in probe.stdout
    assert [process.argv for process in probe.processes] == [("bash",)]


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.slow
def test_a_conversation_that_does_not_come_about(settings: Settings, tmp_path: Path) -> None:
    """The probe says which text did not come."""
    own = Settings(state_dir=settings.state_dir, run_dir=settings.run_dir, engines=1)
    with Observer(own) as observer:
        found = observe(observer, exercise(tmp_path, CONVERSATION), talk__sh="echo nobody here; exit 4")
    probe = found.probe("talk")
    assert (probe.ok, probe.error, probe.exit_code) == (False, "'# ' did not come", 4)
    assert probe.stdout == "nobody here\n"
