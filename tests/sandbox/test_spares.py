"""Sandboxes made beforehand: lent once, as fresh as others, and gone in the end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace as replaced
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.model import MIB, Limits, Profile
from grader.sandbox import spares as module
from grader.sandbox.disposer import Disposer
from grader.sandbox.moving import Moves
from grader.sandbox.pump import Pump
from grader.sandbox.sandbox import Host
from grader.sandbox.spares import Recipe, Spare, Spares
from tests.leftovers import left_in

pytestmark = pytest.mark.sandbox

_PATIENCE = 20.0


@pytest.fixture
def own(host: Host, tmp_path: Path) -> Host:
    """The machine, with a directory of running sandboxes for this test alone."""
    tmp_path.chmod(0o711)
    return replaced(host, settings=replaced(host.settings, run_dir=tmp_path / "run"))


@pytest.fixture
def recipe(base: str) -> Recipe:
    """What a script called `answer` runs in."""
    return Recipe(Profile.PLAIN, Limits(wall_seconds=20), base, ("/bin/bash", "/answer/answer"))


@pytest.fixture
def spares(own: Host) -> Iterator[Spares]:
    """Those of `own`; in the end nothing of them is left."""
    with ExitStack() as stack:
        disposer, moves = Disposer("test-ends"), Moves(own.hierarchy)
        for used in (moves, disposer):
            stack.callback(used.close)
        made = Spares(own, disposer, moves)
        stack.callback(made.close)
        yield made
    assert left_in(own.settings.run_dir) == []


def waiting(host: Host) -> int:
    """Return how many sandboxes there are."""
    return len(list((host.settings.run_dir / "attempts").glob("*")))


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def made_one(spares: Spares, recipe: Recipe, host: Host, before: int = 0) -> None:
    """Use none, so that one is made."""
    with spares.lend(recipe) as found:
        assert found is None
    wait_until(lambda: waiting(host) > before)
    # Its directory comes first, its program later.
    wait_until(lambda: recipe in spares._ready)


def run(spare: Spare, script: bytes) -> tuple[bytes, int | None, float]:
    """Run a script in a spare sandbox; return its output, its status and for how long it ran, in ms."""
    spare.sandbox.put({"answer": script})
    started = time.monotonic()
    spare.sandbox.go()
    output = Pump(spare.out, spare.err, 1 << 16).run(spare.sandbox.exited, started, 20)
    return output.stdout, spare.sandbox.end(), output.wall_ms


def test_who_comes_after_another_finds_one(spares: Spares, recipe: Recipe, own: Host) -> None:
    made_one(spares, recipe, own)
    time.sleep(0.5)
    with spares.lend(recipe) as found:
        assert found is not None
        stdout, status, wall_ms = run(found, b"echo here; cat /proc/self/status | grep -c NoNewPrivs; exit 3")
        found.dispose()
    assert (stdout, status) == (b"here\n1\n", 3)
    assert wall_ms < 15_000


def test_each_is_lent_once(spares: Spares, recipe: Recipe, own: Host) -> None:
    made_one(spares, recipe, own)
    with spares.lend(recipe) as first, spares.lend(recipe) as second:
        assert first is not None
        assert second is None
        first.dispose()


def test_others_do_not_fit(spares: Spares, recipe: Recipe, own: Host) -> None:
    made_one(spares, recipe, own)
    larger = replaced(recipe, limits=replace(recipe.limits, memory_bytes=128 * MIB))
    other = replaced(recipe, args=("/bin/bash", "/answer/other"))
    for wanted in (larger, other):
        with spares.lend(wanted) as found:
            assert found is None


def test_it_has_the_limits_of_its_recipe(spares: Spares, recipe: Recipe, own: Host) -> None:
    made_one(spares, recipe, own)
    with spares.lend(recipe) as found:
        assert found is not None
        _, status, _ = run(found, b"exec tail /dev/zero")
        found.dispose()
    assert status == 128 + signal.SIGKILL


def test_where_answers_come_one_upon_the_other_none_is_made(
    spares: Spares, recipe: Recipe, own: Host
) -> None:
    with spares.lend(recipe):
        for _ in range(20):
            with spares.lend(recipe) as found:
                assert found is None
            time.sleep(0.02)
    assert waiting(own) == 0


def test_one_that_died_is_not_lent(
    spares: Spares, recipe: Recipe, own: Host, inhabitants: Callable[[int], list[int]]
) -> None:
    made_one(spares, recipe, own)
    sandbox = spares._ready[recipe].sandbox
    for pid in inhabitants(sandbox.first_id):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not sandbox.alive())
    with spares.lend(recipe) as found:
        assert found is None
        wait_until(lambda: waiting(own) == 0)


def test_only_a_few_are_kept(spares: Spares, recipe: Recipe, own: Host) -> None:
    for number in range(4):
        other = replaced(recipe, args=("/bin/bash", f"/answer/{number}"))
        with spares.lend(other):
            pass
        wait_until(lambda other=other: other in spares._ready)  # type: ignore[misc]
    wait_until(lambda: waiting(own) == 2)


def test_none_is_kept_for_long(
    spares: Spares, recipe: Recipe, own: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_SECONDS", 0.3)
    made_one(spares, recipe, own)
    wait_until(lambda: waiting(own) == 0)


def test_what_cannot_be_made_does_no_harm(
    spares: Spares,
    recipe: Recipe,
    own: Host,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)
    with spares.lend(replaced(recipe, rootfs="/nowhere")):
        pass
    wait_until(lambda: "no sandbox beforehand" in caplog.text)
    wait_until(lambda: waiting(own) == 0)
    made_one(spares, recipe, own)
