"""The whole service in one command: from joining to the verdict, over restarts and dead processes."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.model import Report, Timing
from grader.report.json import to_batch_document
from tests.leftovers import left_in
from tests.web.serving import JOIN_CODE, Serving

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SLUG = "a4-oom-kill"
RIGHT = 'cp "$(command -v tail)" /work/{victim}\n/work/{victim} -n1 /dev/zero\nexit 0\n'


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    found = Serving(tmp_path)
    yield found
    found.end()


def call(serving: Serving, path: str, body: object = None, token: str = "") -> Any:
    request = urllib.request.Request(
        f"{serving.url}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def join(serving: Serving, name: str) -> str:
    token: str = call(serving, "/api/v1/participants", {"name": name, "join_code": JOIN_CODE})["token"]
    return token


def right_answer(serving: Serving, token: str) -> dict[str, object]:
    victim = call(serving, f"/api/v1/exercises/{SLUG}", token=token)["parameters"]["victim"]
    return {"exercise": SLUG, "files": {"answer.sh": RIGHT.format(victim=victim)}}


def verdict(serving: Serving, identity: str, token: str, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            found = call(serving, f"/api/v1/submissions/{identity}?wait=20", token=token)
            if found["state"] not in {"queued", "running"}:
                return found
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        assert time.monotonic() < end, serving.log()


def test_from_joining_to_the_verdict_and_over_a_restart(serving: Serving, tmp_path: Path) -> None:
    imported = Report(SLUG, "grace", "graded", 1.0, 4.0, (), Timing(), None)
    results = tmp_path / "report.json"
    results.write_bytes(to_batch_document([imported]))
    serving.start("--results", str(results))
    assert serving.password()
    assert JOIN_CODE in serving.log()
    assert f"1 results of {results} are on the scoreboard, 1 new" in serving.log()
    token = join(serving, "ada")
    identity = call(serving, "/api/v1/submissions", right_answer(serving, token), token)["id"]
    found = verdict(serving, identity, token)
    assert (found["state"], found["passed"]) == ("graded", True), found
    assert call(serving, f"/api/v1/submissions/{identity}/evidence", token=token)["schema"]
    board = call(serving, "/api/v1/scoreboard", token=token)["participants"]
    assert [(row["place"], row["name"], row["score"]) for row in board] == [
        (1, "ada", 4.0),
        (2, "grace", 1.0),
    ]
    assert serving.stop(signal.SIGINT) == 130
    assert not left_in(serving.run_dir)

    serving.start("--results", str(results))
    assert serving.password() is None
    assert f"1 results of {results} are on the scoreboard, 0 new" in serving.log()
    assert call(serving, "/api/v1/scoreboard", token=token)["participants"] == board
    assert serving.stop(signal.SIGTERM) == 0


def test_dead_processes_are_started_again(serving: Serving) -> None:
    serving.start()
    token = join(serving, "ada")
    (web,) = serving.children("gunicorn")
    (worker,) = serving.children("worker")
    answer = {"exercise": SLUG, "files": {"answer.sh": "sleep 2\n"}}
    identity = call(serving, "/api/v1/submissions", answer, token)["id"]
    os.kill(web, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    found = verdict(serving, identity, token)
    assert found["state"] == "graded", (found, serving.log())
    assert serving.children("gunicorn") != [web]
    assert len(re.findall("it is started again", serving.log())) >= 2
    serving.until_ready()
    assert serving.stop() == 130
    assert not left_in(serving.run_dir)


def test_metrics_count_what_was_graded(serving: Serving) -> None:
    serving.start()
    token = join(serving, "Ariadne")
    answer = {"exercise": SLUG, "files": {"answer.sh": "exit 0\n"}}
    identity = call(serving, "/api/v1/submissions", answer, token)["id"]
    found = verdict(serving, identity, token)
    assert found["state"] == "graded", (found["error"], serving.log())
    end = time.monotonic() + 15
    while True:  # counters come with the next heartbeat
        with urllib.request.urlopen(f"{serving.url}/metrics", timeout=10) as reply:
            text = reply.read().decode()
        if re.search(r'^grader_phase_seconds_count\{.*phase="observe".*\} 1\.0$', text, re.M):
            break
        assert time.monotonic() < end, text
        time.sleep(0.2)
    assert 'grader_submissions{state="graded"} 1.0' in text
    assert "grader_runs_waiting 0.0" in text
    assert re.search(r'^grader_worker_state\{state="working",worker="[^"]+"\} 1\.0$', text, re.M)
    assert "Ariadne" not in text
