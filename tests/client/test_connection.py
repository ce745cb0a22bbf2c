"""Whatever a server does, the client ends with a sentence, and gives its token to nobody else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.client import credentials, service
from grader.client.connection import Connection, server_url
from grader.errors import GraderError, RefusedError, ServerError
from tests.client.conftest import Liar, Run, reply
from tests.servers import free_port

EVIL = "\x1b]0;evil\x07\x9b31m\u202e\x7f"
ID = "a" * 32


def encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def exercises(**changed: object) -> dict[str, object]:
    file = {"name": "answer.sh", "kind": "shell", "required": True}
    return {"exercises": [{"slug": "one", "max_score": 4.0, "files": [file | changed]}]}


def report(text: str) -> dict[str, Any]:
    feedback = dict.fromkeys(("name", "message", "expected", "actual", "why"), text)
    check = {"name": text, "title": text, "outcome": "failed", "points": 0.0, "max_points": 4.0}
    return {
        "schema": 1,
        "exercise": text,
        "participant": text,
        "status": "graded",
        "score": 0.0,
        "max_score": 4.0,
        "malformed": False,
        "error": None,
        "evidence": text,
        "checks": [check | {"feedback": feedback}],
        "timing": dict.fromkeys(("queued_ms", "observe_ms", "judge_ms", "total_ms"), 1.0),
    }


def state(name: str, **more: object) -> dict[str, object]:
    table = {"state": name, "error": None, "report": None, "position": None, "progress": ""}
    return table | more


@pytest.fixture
def answer(home: Path) -> Path:
    path = home / "answer.sh"
    path.write_text("exit 0\n")
    return path


@pytest.fixture
def grader(liar: Liar, home: Path) -> list[dict[str, object]]:
    """Let the liar pass for a grader; the last of what is in the list stays its answer about a submission."""
    credentials.keep(credentials.Login(liar.url, "ada", "secret-token"))
    states: list[dict[str, object]] = []

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        if request.path == "/api/v1/exercises":
            reply(request, 200, encoded(exercises()))
        elif request.command == "POST":
            reply(request, 202, encoded({"id": ID, "state": "queued"}))
        else:
            reply(request, 200, encoded(states.pop(0) if len(states) > 1 else states[0]))

    liar.answer = answer
    return states


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://Host:8080/", "http://host:8080"),
        (" https://a.example/grader/ ", "https://a.example/grader"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_has_one_form(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "host:8080",
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x/?a",
        "http://x/#a",
        "http://x:y",
        EVIL,
        "http://a b/",
        "http://[",
        "http://x/\x1b",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(GraderError, match="is no address of a server") as raised:
        server_url(text)
    assert str(raised.value).isprintable()


def test_a_redirection_is_refused_and_gets_no_token(liar: Liar) -> None:
    other = Liar()
    liar.answer = lambda request, _: reply(request, 307, Location=f"{other.url}/{EVIL[:3]}")
    with Connection(liar.url, "secret-token") as connection, pytest.raises(RefusedError) as raised:
        service.submit(connection, "one", {"answer.sh": b"exit 0\n"}, "key")
    assert other.url in str(raised.value)
    assert str(raised.value).isprintable()
    assert other.seen == []
    other.close()


def test_a_netrc_does_not_speak(liar: Liar, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    for token, header in (("", None), ("secret-token", "Bearer secret-token")):
        with Connection(liar.url, token) as connection, pytest.raises(RefusedError):
            service.name_by_token(connection)
        assert liar.seen[-1][2].get("Authorization") == header


@pytest.mark.parametrize(
    ("status", "body", "headers", "cause", "kind"),
    [
        (422, encoded({"detail": f"no{EVIL}"}), {}, r"no\x1b]0;evil\x07", RefusedError),
        (404, b"<html>", {}, "404 Not Found", RefusedError),
        (499, b"[" * 100_000, {}, "499", RefusedError),
        (429, encoded({"detail": "often"}), {"Retry_After": "7"}, "often; try again in 7 s", RefusedError),
        (500, encoded({"detail": "ours"}), {}, "fails: ours", ServerError),
        (502, b"", {}, "fails: 502 Bad Gateway", ServerError),
        (200, b"<html>", {}, "does not answer as a grader does", ServerError),
        (200, b"\xff", {}, "does not answer as a grader does", ServerError),
        (200, b"[" * 100_000, {}, "does not answer as a grader does", ServerError),
        (200, encoded(exercises(name=f"a{EVIL}")), {}, "does not answer as a grader does", ServerError),
        (200, encoded(exercises(name="../a")), {}, "does not answer as a grader does", ServerError),
        (
            200,
            encoded({"exercises": [{"slug": "one", "max_score": 1, "files": []}]}),
            {},
            "does",
            ServerError,
        ),
        (200, encoded({"exercises": []}), {}, "has no exercise 'one'", RefusedError),
        (200, b" " * (17 << 20), {}, "does not come to the end of its answer", ServerError),
    ],
)
def test_every_answer_becomes_a_sentence(
    liar: Liar, status: int, body: bytes, headers: dict[str, str], cause: str, kind: type[GraderError]
) -> None:
    liar.answer = lambda request, _: reply(request, status, body, **headers)
    with Connection(liar.url) as connection, pytest.raises(kind) as raised:
        service.exercise(connection, "one")
    assert cause in str(raised.value)
    assert str(raised.value).isprintable()


def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Connection(url) as connection, pytest.raises(ServerError) as raised:
        service.exercise(connection, "one")
    assert str(raised.value) == f"{url} cannot be reached: Connection refused"


def test_a_server_that_says_nothing(liar: Liar) -> None:
    liar.answer = lambda request, _: request.connection.recv(1)  # type: ignore[assignment, return-value]
    with Connection(liar.url) as connection, pytest.raises(ServerError, match="does not answer in time"):
        connection.call("GET", "/", int, seconds=0.2)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_hostile_text_is_not_obeyed(
    run: Run, grader: list[dict[str, object]], answer: Path, option: tuple[str, ...]
) -> None:
    grader.append(state("graded", report=report(EVIL)))
    found = run("submit", "one", answer, *option)
    assert found.code == 1, found
    assert not set(EVIL) - set("]0;evil31m") & set(found.out + found.err)
    assert "evil" in found.out
    if option:
        assert msgspec.json.decode(found.out)["exercise"] == EVIL


def test_hostile_progress_is_not_obeyed_on_a_terminal(
    grader: list[dict[str, object]], answer: Path, liar: Liar
) -> None:
    grader += [state("running", progress=f"{EVIL}[bold]"), state("running", progress="more")]
    grader += [state("ungradable", error=EVIL)]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "grader", "submit", "one", str(answer)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass  # how Linux says that nobody has the other side any more
    os.close(ours)
    assert process.wait(30) == 3
    text = shown.decode()
    assert r"\x1b]0;evil\x07" in text
    assert "[bold]" in text
    assert not {"\x1b]0;evil", "\x07", "\x9b", "\u202e"} & set(text)
    assert "\x1b]0;evil" not in text


def test_a_cancelled_submission_has_no_verdict(
    run: Run, grader: list[dict[str, object]], answer: Path
) -> None:
    grader.append(state("cancelled"))
    found = run("submit", "one", answer)
    assert (found.code, found.out) == (3, "")
    assert "cancelled: there is no verdict" in found.err


def test_a_report_of_another_kind_is_no_verdict(
    run: Run, grader: list[dict[str, object]], answer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_AWAY_SECONDS", 0.1)
    grader.append(state("graded", report={"schema": 1}))
    found = run("submit", "one", answer)
    assert found.code == 3
    assert "sends what is not a report" in found.err
