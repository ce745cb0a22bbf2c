"""The pool of engines: ready beforehand, used once, thrown away in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from grader.errors import SandboxError
from grader.model import Limits
from grader.sandbox.engine import Engine
from grader.sandbox.pool import EnginePool
from grader.sandbox.sandbox import Host
from tests.sandbox.conftest import ENGINE_LIMITS

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_engines_are_used_once_and_replaced(host: Host) -> None:
    """While an answer is at work and another engine waits, no third one is started beside it."""
    with EnginePool(host, ENGINE_LIMITS, 2) as pool:
        assert eventually(lambda: pool.ready() == 2)
        with pool.lend(ENGINE_LIMITS) as engine:
            assert engine.get("/version")
            assert not eventually(lambda: pool.ready() == 2, 0.5)
        assert eventually(lambda: not engine.sandbox.alive(), 5)
        assert eventually(lambda: pool.ready() == 2)


def test_the_last_engine_is_replaced_at_once(host: Host) -> None:
    """Others may come while its answer is at work."""
    with EnginePool(host, ENGINE_LIMITS, 1) as pool, pool.lend(ENGINE_LIMITS):
        assert eventually(lambda: pool.ready() == 1)


def test_one_waits_for_the_next_engine_and_others_start_their_own(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the next one takes: a single thread that refills would make all of them stand in line."""
    start, goes_on, hurried = Engine.start, threading.Event(), threading.Event()

    def start_later(engine: Engine, *, background: bool = False) -> None:
        if background:
            goes_on.wait(60)
        start(engine, background=background)

    def hurry(engine: Engine) -> None:
        hurried.set()

    monkeypatch.setattr(Engine, "start", start_later)
    monkeypatch.setattr(Engine, "hurry", hurry)
    with EnginePool(host, ENGINE_LIMITS, 1) as pool, ExitStack() as lent, ThreadPoolExecutor(1) as others:
        first = others.submit(lent.enter_context, pool.lend(ENGINE_LIMITS))
        assert hurried.wait(30)
        with pool.lend(ENGINE_LIMITS) as own:
            assert own.get("/version")
            assert not first.done()
            goes_on.set()
            assert first.result(60) is not own


def test_other_limits_get_an_engine_of_their_own(host: Host) -> None:
    """With or without a pool, and it is thrown away as well."""
    with EnginePool(host, ENGINE_LIMITS, 0) as pool, pool.lend(ENGINE_LIMITS) as engine:
        assert engine.sandbox.limits == ENGINE_LIMITS
        assert pool.ready() == 0
    assert not engine.sandbox.alive()


def test_an_engine_that_has_died_is_not_lent(host: Host) -> None:
    """The next one is."""
    with EnginePool(host, ENGINE_LIMITS, 1) as pool:
        assert eventually(lambda: pool.ready() == 1)
        dead = pool._ready[0][0]
        dead.sandbox.end()
        with pool.lend(ENGINE_LIMITS) as engine:
            assert engine is not dead
            assert engine.get("/version")


def test_what_is_lent_when_the_pool_closes_is_thrown_away_by_its_user(host: Host) -> None:
    """And nobody gets another one."""
    pool = EnginePool(host, ENGINE_LIMITS, 1)
    with pool.lend(ENGINE_LIMITS) as engine:
        pool.close()
        assert engine.get("/version")
    assert not engine.sandbox.alive()
    with pytest.raises(SandboxError, match="closed"), pool.lend(ENGINE_LIMITS):
        pass


def test_an_engine_that_does_not_start_is_an_error(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the machine's, for whoever wants one."""

    def fail(engine: Engine, *, background: bool = False) -> None:
        raise SandboxError(f"no: {background}")

    monkeypatch.setattr(Engine, "start", fail)
    with EnginePool(host, ENGINE_LIMITS, 1) as pool:
        with pytest.raises(SandboxError, match="no: False"), pool.lend(ENGINE_LIMITS):
            pass
        with pytest.raises(SandboxError, match="no: False"), pool.lend(Limits(pids=99)):
            pass


def test_what_the_pool_cannot_start_is_nobodys_trouble(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was too busy for one engine has failed every answer that came within the next minute."""
    start = Engine.start

    def fail(engine: Engine, *, background: bool = False) -> None:
        if background:
            raise SandboxError("too busy")
        start(engine)

    monkeypatch.setattr(Engine, "start", fail)
    with EnginePool(host, ENGINE_LIMITS, 1) as pool:
        for _ in range(2):
            with pool.lend(ENGINE_LIMITS) as engine:
                assert engine.get("/version")
