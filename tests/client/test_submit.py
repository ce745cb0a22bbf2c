"""`grader login` and `grader submit` against a real `grader serve`."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from grader.client import service
from tests.client.conftest import Liar, Run, reply
from tests.servers import free_port
from tests.web.serving import JOIN_CODE, Serving

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SLUG = "a4-oom-kill"
RIGHT = 'cp "$(command -v tail)" /work/{victim}\n/work/{victim} -n1 /dev/zero\nexit 0\n'


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    found = Serving(tmp_path_factory.mktemp("served"))
    found.start()
    yield found
    found.end()


@pytest.fixture
def token(run: Run, serving: Serving, request: pytest.FixtureRequest, home: Path) -> str:
    """Log somebody in, called after the test, and return the token that was kept."""
    attempt = getattr(request.node, "execution_count", 1)  # tried again, it is somebody else
    name = request.node.name[-40:].strip("[]") + (f" {attempt}" if attempt > 1 else "")
    found = run("login", "--server", serving.url, "--name", name, "--join-code", JOIN_CODE)
    assert found.code == 0, found
    assert f"logged in at {serving.url} as {name}" in found.err
    place = home / "config/container-grader/credentials.json"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    kept: str = msgspec.json.decode(place.read_bytes())["servers"][serving.url]["token"]
    assert kept not in found.out + found.err
    return kept


@pytest.fixture
def answer(home: Path) -> Path:
    path = home / "mine.sh"
    path.write_text("exit 0\n")
    return path


def own(serving: Serving, token: str) -> list[dict[str, Any]]:
    """Return somebody's submissions."""
    headers = {"Authorization": f"Bearer {token}"}
    found = requests.get(f"{serving.url}/api/v1/submissions", headers=headers, timeout=10)
    submissions: list[dict[str, Any]] = found.json()["submissions"]
    return submissions


def relay(liar: Liar, serving: Serving, lost: list[str]) -> None:
    """Let a server pass everything on, but lose the replies to the methods in a list, one after the other."""

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        found = requests.request(
            request.command, f"{serving.url}{request.path}", data=body, headers=headers, timeout=60
        )
        if lost and lost[0] == request.command and request.path != "/api/v1/exercises":
            lost.pop(0)
            request.close_connection = True
            return
        reply(request, found.status_code, found.content)

    liar.answer = answer


def test_from_joining_to_the_verdict(run: Run, serving: Serving, token: str, answer: Path) -> None:
    task = requests.get(
        f"{serving.url}/api/v1/exercises/{SLUG}", headers={"Authorization": f"Bearer {token}"}, timeout=10
    ).json()
    found = run("submit", SLUG, answer)
    assert found.code == 1
    assert "failed  0 of 4 points" in found.out
    assert "The kernel killed nothing in your container." in found.out
    assert found.err == ""
    answer.write_text(RIGHT.format(victim=task["parameters"]["victim"]))
    found = run("submit", SLUG, answer, "--server", f"{serving.url}/", "--json")
    assert found.code == 0, found
    report = json.loads(found.out)
    assert (report["status"], report["score"], report["exercise"]) == ("graded", 4.0, SLUG)
    found = run("submit", SLUG, answer, "--no-wait")
    submissions = own(serving, token)
    assert (found.code, found.out.strip()) == (0, submissions[0]["id"])
    assert len(submissions) == 3


def test_who_may_not_join_is_told_why(run: Run, serving: Serving, token: str) -> None:
    found = run("login", "--name", "eve", "--join-code", "wrong")
    assert (found.code, found.out) == (2, "")
    assert "no workshop has this join code" in found.err
    name = "test_who_may_not_join_is_told_why"
    found = run("login", "--name", name, "--join-code", JOIN_CODE)
    assert found.code == 2
    assert f"take your token from {serving.url}/me" in found.err


def test_coming_back_with_a_token(run: Run, serving: Serving, token: str, answer: Path, home: Path) -> None:
    place = home / "config/container-grader/credentials.json"
    assert run("submit", SLUG, answer).code == 1
    place.unlink()
    found = run("login", "--server", serving.url, "--token", token)
    assert found.code == 0
    assert "as test_coming_back_with_a_token" in found.err
    assert token not in found.out + found.err
    assert msgspec.json.decode(place.read_bytes())["servers"][serving.url]["token"] == token
    found = run("login", "--token", "wrong")
    assert (found.code, found.err) == (2, "grader: nobody has this token\n")
    assert run("login", "--token", "two words").code == 2


def test_what_is_asked_for(serving: Serving, home: Path) -> None:
    command = [sys.executable, "-m", "grader", "login", "--server", serving.url]
    done = subprocess.run(command, input=f"grace\n{JOIN_CODE}\n", text=True, capture_output=True, check=True)
    assert "Name: " in done.stderr
    assert "Join code: " in done.stderr
    assert done.stdout == ""
    nobody = subprocess.run(
        [*command, "--token"], stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False
    )
    assert nobody.returncode == 2
    assert "give --token: nobody is there to be asked" in nobody.stderr


def test_what_is_refused_before_anything_is_sent(
    run: Run, serving: Serving, token: str, answer: Path, home: Path
) -> None:
    found = run("submit", "z9-nothing", answer)
    assert (found.code, found.err) == (2, f"grader: {serving.url} has no exercise 'z9-nothing'\n")
    answer.write_text("")
    local = run("grade", SLUG, answer)
    found = run("submit", SLUG, answer)
    assert (found.code, found.out, found.err) == (2, "", local.err)
    assert "'answer.sh' is empty" in found.err
    malformed = json.loads(run("submit", SLUG, answer, "--json").out)
    assert (malformed["malformed"], malformed["max_score"]) == (True, 4.0)
    assert run("submit", SLUG, answer, "--json", "--no-wait").code == 2
    assert own(serving, token) == []


def test_no_login_and_no_server(run: Run, answer: Path) -> None:
    found = run("submit", SLUG, answer)
    assert found.code == 2
    assert "which server?" in found.err
    url = f"http://127.0.0.1:{free_port()}"
    found = run("submit", SLUG, answer, "--server", url)
    assert (found.code, found.err) == (
        2,
        f"grader: you are not logged in there; call: grader login --server {url}\n",
    )
    found = run("login", "--server", url, "--name", "ada", "--join-code", "x")
    assert (found.code, found.err) == (3, f"grader: {url} cannot be reached: Connection refused\n")


def test_a_lost_reply_makes_no_second_submission(
    run: Run, serving: Serving, token: str, answer: Path, liar: Liar
) -> None:
    relay(liar, serving, [])
    assert run("login", "--server", liar.url, "--token", token).code == 0
    relay(liar, serving, ["POST", "GET"])
    assert run("submit", SLUG, answer).code == 1
    assert len(own(serving, token)) == 1
    assert run("submit", SLUG, answer).code == 1
    assert len(own(serving, token)) == 2  # its verdict was seen: on purpose, then


def test_a_repeated_call_makes_no_second_submission(
    run: Run, serving: Serving, token: str, answer: Path, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_POST_SECONDS", 0.1)
    relay(liar, serving, [])
    assert run("login", "--server", liar.url, "--token", token).code == 0
    relay(liar, serving, ["POST"])
    found = run("submit", SLUG, answer, "--server", liar.url)
    assert found.code == 3
    assert "Call the same command again: that will not be a second submission." in found.err
    assert run("submit", SLUG, answer, "--server", liar.url).code == 1
    assert len(own(serving, token)) == 1


def test_a_server_that_goes_away_while_we_wait(
    run: Run, serving: Serving, token: str, answer: Path, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay(liar, serving, [])
    assert run("login", "--server", liar.url, "--token", token).code == 0
    through = liar.answer

    def away(request: BaseHTTPRequestHandler, body: bytes) -> None:
        if "wait=" in request.path:
            reply(request, 503, b'{"detail": "The database cannot be reached just now."}')
        else:
            through(request, body)

    liar.answer = away
    monkeypatch.setattr(service, "_AWAY_SECONDS", 0.1)
    found = run("submit", SLUG, answer)
    assert found.code == 3
    assert "fails: The database cannot be reached just now." in found.err
    assert f"or open\n{liar.url}/submissions/{own(serving, token)[0]['id']}" in found.err


def test_interrupting_ends_only_the_waiting(run: Run, serving: Serving, token: str, answer: Path) -> None:
    answer.write_text("sleep 4\nexit 0\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "submit", SLUG, str(answer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 30
    while not own(serving, token):
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    (submitted,) = own(serving, token)
    assert (process.returncode, out) == (130, "")
    assert f"or open\n{serving.url}/submissions/{submitted['id']}" in err
    assert submitted["state"] in {"queued", "running"}
    assert run("submit", SLUG, answer).code == 1
    (submitted,) = own(serving, token)
    assert submitted["state"] == "graded"


def test_a_terminal_shows_what_is_printed_meanwhile(serving: Serving, token: str, home: Path) -> None:
    """Above a line that says what is going on; control characters do nothing to the terminal."""
    path = home / "mine.sh"
    path.write_text("echo first; sleep 3; printf 'second\\e[2J\\n'; sleep 3\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "grader", "submit", SLUG, str(path), "--server", serving.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(ours, 65_536):
                seen += chunk
        assert process.stdout is not None
        verdict = process.stdout.read()
        assert process.wait(60) == 1
    os.close(ours)
    assert token
    assert b"running in a sandbox" in seen
    assert seen.index(b"first") < seen.index(b"second\\x1b[2J")
    assert b"second\x1b[2J" not in seen
    assert b"0 of 4" in verdict or b"0/4" in verdict
