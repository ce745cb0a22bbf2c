"""Notices between processes, by socket and by Redis."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.servers import RedisServer
from worker import live_output
from worker.live_output import LiveOutput
from worker.notices import Ear, Heard, Notice, make_notices
from worker.settings import ServiceSettings
from worker.wake import Bell, Ringer


@pytest.fixture(params=["socket", "redis"])
def heard_settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ServiceSettings:
    """Settings with each way to be told."""
    monkeypatch.setenv("GRADER_RUN_DIR", str(tmp_path))
    server: RedisServer | None = request.getfixturevalue("redis_server") if request.param == "redis" else None
    return ServiceSettings.from_environment(REDIS_URL=server.url if server else "")


def test_whoever_waits_is_woken(heard_settings: ServiceSettings) -> None:
    ear, notices = Ear(heard_settings), make_notices(heard_settings)
    time.sleep(0.2)  # until the subscription stands
    with ear.waiting("a") as end, ear.waiting("a", for_progress=True) as any_news, ear.waiting("b") as other:
        assert ear.waiters() == 3
        notices.tell("a", "running in a sandbox")
        assert any_news.wait(5)
        assert not end.is_set()
        assert ear.last("a") == Heard("running in a sandbox")
        any_news.clear()
        notices.show("a", "one\n", 4)
        notices.show("a", "three\n", 10)
        until = time.monotonic() + 5
        while ear.last("a").size < 14:
            assert any_news.wait(5)
            assert time.monotonic() < until
        assert ear.last("a") == Heard("running in a sandbox", "one\nthree\n", 14)
        assert not end.is_set()
        notices.tell("a", "graded")
        assert end.wait(5)
        assert ear.last("a") == Heard("graded")
        assert not other.is_set()
    assert ear.waiters() == 0
    notices.close()
    ear.close()


def test_output_is_passed_on_a_few_times_a_second() -> None:
    """Only its end, however much it is, and nothing of what has its verdict."""
    passed: list[tuple[str, str, int]] = []
    output = LiveOutput(lambda *given: passed.append(given))
    for _ in range(1_000):
        output.add("a", b"0123456789")
        output.add("b", b"x")
    output.forget("b")
    end = time.monotonic() + 10
    while sum(size for _, _, size in passed) < 10_000:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert {identity for identity, _, _ in passed} == {"a"}
    assert len(passed) < 10
    assert all(len(text) <= live_output.KEPT_BYTES and text.endswith("9") for _, text, _ in passed)
    output.close()
    output.add("a", b"after the end")
    time.sleep(2 * live_output.PAUSE_SECONDS)
    assert "after" not in "".join(text for _, text, _ in passed)


def test_a_new_attempt_has_printed_nothing() -> None:
    heard = Heard("running in a sandbox", "half of it", 10)
    assert heard.and_then(Notice("a", "running")) == Heard("running")


@pytest.mark.slow
def test_a_redis_that_is_away_is_mentioned_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And again when it is back, however long that takes."""
    server = RedisServer(tmp_path)
    settings = ServiceSettings.from_environment(REDIS_URL=server.url)
    ear = Ear(settings)
    time.sleep(2.5)  # three attempts
    assert len([record for record in caplog.records if "not heard" in record.message]) == 1
    server.start()
    try:
        notices = make_notices(settings)
        end = time.monotonic() + 20
        with ear.waiting("a") as heard:
            while not heard.wait(0.1) and time.monotonic() < end:
                notices.tell("a", "graded")
            assert heard.is_set()
        notices.close()
        assert [record.message for record in caplog.records if record.name == "worker.notices"][-1] == (
            "notices are heard again"
        )
    finally:
        ear.close()
        server.kill()


def test_bells_of_the_dead_are_taken_down(tmp_path: Path) -> None:
    bell = Bell(tmp_path, "notices")
    (path,) = tmp_path.iterdir()
    bell.socket.close()  # as if the process had been killed
    ringer = Ringer(tmp_path, "notices")
    ringer.ring(b"graded")
    ringer.close()
    assert not path.exists()
