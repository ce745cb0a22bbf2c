"""Builds of answers in a real engine, through its own API and through the client."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from grader.evidence import Build
from grader.model import ENGINE_LIMITS
from grader.observe import builds
from grader.progress import Progress
from grader.sandbox.engine import Engine
from grader.sandbox.sandbox import Host

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

BASE = "debian:trixie"
ALLOWED = frozenset({BASE})


@pytest.fixture(scope="module")
def engine(host: Host) -> Iterator[Engine]:
    """One engine for all tests of this file."""
    with Engine(host, ENGINE_LIMITS) as engine:
        engine.start()
        yield engine


@pytest.fixture
def fresh_engine(host: Host) -> Iterator[Engine]:
    """An engine whose connections a test may break."""
    with Engine(host, ENGINE_LIMITS) as engine:
        engine.start()
        yield engine


def build(engine: Engine, text: str, *, seconds: float = 60.0, **files: str) -> Build:
    contents = {name.replace("__", "."): content.encode() for name, content in files.items()}
    return builds.build(
        engine, {"Dockerfile": text.encode(), **contents}, "Dockerfile", ALLOWED, "answer", seconds
    )


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown = b""

    def say(self, what: str) -> None:
        self.said.append(what)

    def show(self, output: bytes) -> None:
        self.shown += output


# A line that changes nothing and needs the client: the same build both ways.
BY = {"engine": "", "client": "# no --mount\n"}


@pytest.fixture(params=list(BY))
def comment(request: pytest.FixtureRequest) -> str:
    """Decide who carries a build out."""
    return BY[request.param]


def test_dockers_own_frontend_is_there(engine: Engine, comment: str) -> None:
    """Directives below it hold, and lines keep their numbers; nothing is fetched for it."""
    text = f"# syntax=docker/dockerfile:1\n# escape=`\n{comment}FROM {BASE}\nRUN echo `\n  both\n"
    built = build(engine, text)
    assert built.ok, built.output
    assert any(step.title.endswith("RUN echo   both") for step in built.steps)
    refused = build(engine, text.replace("dockerfile:1", "dockerfile:1-labs")).refused
    assert refused is not None
    assert "docker/dockerfile:1" in refused


def test_each_step_is_told_as_it_begins(engine: Engine, comment: str) -> None:
    told = Told()
    text = (
        f"FROM {BASE} AS first\n{comment}RUN echo one {len(comment)}\n"
        f"FROM {BASE}\nRUN echo two {len(comment)}\nCOPY --from=first /etc/motd /\n"
    )
    built = builds.build(
        engine, {"Dockerfile": text.encode()}, "Dockerfile", ALLOWED, "answer", 60.0, progress=told
    )
    assert built.ok, built.output
    steps = [said for said in told.said if "RUN" in said]
    assert sorted(steps) == [
        f"building step 2 of 2 of first: RUN echo one {len(comment)}",
        f"building step 2 of 3 of stage-1: RUN echo two {len(comment)}",
    ]
    assert "building step 3 of 3 of stage-1: COPY --from=first /etc/motd /" in told.said
    assert sorted(told.shown.splitlines()) == [f"{word} {len(comment)}".encode() for word in ("one", "two")]
    files = {"Dockerfile": f"FROM {BASE}\n{comment}RUN : {len(comment)} three\n".encode()}
    assert builds.build(engine, files, "Dockerfile", ALLOWED, "answer", 60.0, progress=told).ok
    assert told.said[-1] == f"building step 2 of 2: RUN : {len(comment)} three"


def test_a_build(engine: Engine, comment: str) -> None:
    """Steps come in order, with their output; the image has the id that the engine gives it, and runs."""
    built = build(
        engine,
        f"FROM {BASE}\n{comment}RUN : {len(comment)}; echo hello\nRUN mkdir /d && echo there >/d/f\n"
        'COPY program Dockerfile /bin/\nCMD ["program"]\n',
        program="#!/bin/sh\ncat /d/f\n",
    )
    assert built.ok, built
    assert [step.title.split("]")[1].split()[0] for step in built.steps] == ["FROM", "RUN", "RUN", "COPY"]
    assert "\nhello\n" in built.output
    assert built.steps[1].wall_ms > 0
    assert not built.truncated
    assert built.image == engine.get("/images/answer/json")["Id"]
    run = ("docker", "run", "--rm", "--network", "none", "answer")
    output, status = engine.execute(run, wall_seconds=30, output_bytes=1_000)
    assert (output.stdout, status) == (b"there\n", 0)


@pytest.mark.parametrize(
    ("text", "step", "error"),
    [
        pytest.param(f"FROM {BASE}\nRUN echo before; exit 3\nRUN x\n", "RUN echo", "exit code: 3", id="step"),
        pytest.param(f"FROM {BASE}\nCOPY absent /\n", "COPY absent", '"/absent": not found', id="copy"),
        pytest.param(f"FROM {BASE}\nCOPY ../../etc/shadow /\n", "COPY", "/etc", id="outside"),
    ],
)
def test_a_step_that_fails_is_the_last_one(
    engine: Engine, comment: str, text: str, step: str, error: str
) -> None:
    """And says why, in the evidence and in what people read."""
    built = build(engine, text + comment)
    assert not built.ok
    assert built.image is None
    assert step in built.steps[-1].title
    assert error in (built.steps[-1].error or "")
    assert "ERROR: " in built.output


def test_a_dockerfile_that_is_none(engine: Engine, comment: str) -> None:
    """There are no steps, but a reason."""
    built = build(engine, f"FROM {BASE}\n{comment}RUM x\n")
    assert (built.ok, built.steps) == (False, ())
    assert "unknown instruction: RUM" in built.output


def test_what_has_not_changed_is_cached(engine: Engine, comment: str) -> None:
    """Up to the first step that meets another file."""
    text = f"FROM {BASE}\n{comment}COPY one /\nRUN echo {len(comment)}\nCOPY two /\nRUN echo after\n"
    files = {"Dockerfile": text.encode(), "one": b"1", "two": f"2{comment}".encode()}
    assert builds.build(engine, files, "Dockerfile", ALLOWED, "answer", 60).ok
    again = builds.rebuild(engine, files, "Dockerfile", {"two": f"3{comment}"}, "again", 60)
    assert again.ok, again
    assert [step.cached for step in again.steps[-4:]] == [True, True, False, False]


def test_ignored_files_are_left_out(engine: Engine) -> None:
    """`.dockerignore` is obeyed, and so is the one of the Dockerfile alone."""
    text = f"FROM {BASE}\nCOPY . /c\nRUN ls -A /c | sort | tr '\\n' ,\n"
    built = build(engine, text, __dockerignore="secret\n.dockerignore\n", secret="1", shown="2")
    assert "\nDockerfile,shown," in built.output, built
    built = build(engine, text, Dockerfile__dockerignore="Docker*\n", secret="1", shown="2")
    assert "\nsecret,shown," in built.output, built


def test_folders_reach_the_context(engine: Engine, comment: str) -> None:
    """With programs that can be executed."""
    files = {
        "Dockerfile": f"FROM {BASE}\n{comment}COPY src /s\nRUN /s/deep/run {len(comment)}\n".encode(),
        "src/deep/run": b"#!/bin/sh\necho ran; stat -c %A%U /s/deep /s/deep/run\n",
    }
    built = builds.build(engine, files, "Dockerfile", ALLOWED, "answer", 60)
    assert "ran\ndrwxr-xr-xroot\n-rwxr-xr-xroot" in built.output, built


def test_secrets_are_asked_for_in_vain(engine: Engine) -> None:
    """A build may mention them: there are none."""
    built = build(engine, f"FROM {BASE}\nRUN --mount=type=secret,id=a ls /run/secrets || echo none\n")
    assert built.ok, built


def test_a_build_ends_by_the_clock(fresh_engine: Engine, comment: str) -> None:
    """What was seen until then is kept, and the step does not go on."""
    built = build(fresh_engine, f"FROM {BASE}\n{comment}RUN echo begun && sleep 77\n", seconds=3)
    assert not built.ok
    assert "\nbegun" in built.output
    assert "ended by the grader" in built.output
    assert built.wall_ms < 10_000


def test_a_flood_of_output_is_cut(fresh_engine: Engine, comment: str) -> None:
    """BuildKit itself cuts a step's output; what is left has a limit of ours."""
    built = build(fresh_engine, f"FROM {BASE}\n{comment}RUN : {len(comment)}; yes flood | head -c 30000000\n")
    assert len(built.output) <= 64 << 10
    assert built.truncated or "[output clipped" in built.output


def test_what_is_offered_can_be_read_from_inside_alone(engine: Engine) -> None:
    """Over the sandbox's loopback, as long as it is offered; hostile readers get no more."""
    read = "exec 3<>/dev/tcp/127.0.0.1/$1 && printf '%b' \"$2\" >&3 && cat <&3"

    def ask(port: str, request: str) -> bytes:
        command = ("/bin/bash", "-c", read, "read", port, request)
        return engine.execute(command, wall_seconds=20, output_bytes=1 << 20)[0].stdout

    with engine.offer(b"content") as url:
        port = url.split(":")[2].split("/")[0]
        assert ask(port, r"GET / HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\ncontent")
        assert ask(port, r"POST / HTTP/1.1\r\n\r\n") == b""
        assert ask(port, "x" * 20_000) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), 1)
        assert ask(port, r"GET /../x HTTP/1.1\r\n\r\n").endswith(b"content")
    assert ask(port, r"GET / HTTP/1.1\r\n\r\n") == b""
