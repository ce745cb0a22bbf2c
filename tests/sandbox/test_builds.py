"""Builds in the disposable engine: whatever a Dockerfile does is bounded like everything else there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.sandbox.engine import Engine

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

BUILD = (
    "rm -rf /tmp/context; mkdir /tmp/context; cd /tmp/context; printf '%s' \"$1\" >Dockerfile;"
    " /usr/libexec/docker/cli-plugins/docker-buildx build --network none --progress plain -t answer . 2>&1"
)
Build = Callable[..., object]


@pytest.fixture
def build(engine: Engine, shell: Callable[..., object]) -> Build:
    """Build the Dockerfile that is given."""

    def run(text: str, *, seconds: float = 30.0) -> object:
        return shell(BUILD, text, seconds=seconds)

    return run


def test_a_build_makes_an_image(engine: Engine, build: Build) -> None:
    """With as many layers as steps that change files, and without a network."""
    result = build(
        "FROM debian:trixie\nRUN echo a >/a\nCOPY Dockerfile /d\nRUN rm /a && tail -n +3"
        " /proc/net/dev | wc -l\n"
    )
    assert result.code == 0, result
    layers = engine.get("/images/answer/json")["RootFS"]["Layers"]
    base = engine.get("/images/debian:trixie/json")["RootFS"]["Layers"]
    assert len(layers) == len(base) + 3


def test_a_build_reaches_no_network(build: Build) -> None:
    """Neither the host's loopback nor any other address, from no kind of step."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for text in (
            f"FROM debian:trixie\nADD http://{address}/secret /s\n",
            f"FROM debian:trixie\nADD https://{address}/repository.git /s\n",
            f"FROM debian:trixie\nRUN bash -c ': <>/dev/tcp/{address.replace(':', '/')}'\n",
            f"FROM debian:trixie\nRUN --network=host bash -c ': <>/dev/tcp/{address.replace(':', '/')}'\n",
            f"FROM {address}/image\n",
            f"# syntax={address}/frontend\nFROM debian:trixie\n",
        ):
            result = build(text, seconds=20)
            assert result.ended == "exit", text
            assert result.code, result
            with pytest.raises(TimeoutError):
                server.accept()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM nowhere/nothing:1\n", id="missing image"),
        pytest.param("# syntax=docker/dockerfile:1\nFROM debian:trixie\n", id="remote frontend"),
        pytest.param(
            "# syntax=docker/dockerfile-upstream:master-labs\nFROM debian:trixie\n", id="labs frontend"
        ),
        pytest.param("FROM debian:trixie\nRUN --security=insecure mount -t tmpfs none /mnt\n", id="insecure"),
        pytest.param("FROM debian:trixie\nCOPY --from=nowhere/nothing:1 / /\n", id="missing stage"),
        pytest.param("FROM debian:trixie\nCOPY ../../../etc/shadow /\n", id="outside the context"),
        pytest.param("nonsense\n", id="nonsense"),
        pytest.param("", id="empty"),
    ],
)
def test_what_cannot_be_built_fails_fast(build: Build, text: str) -> None:
    """Without waiting for registries that nobody can reach."""
    result = build(text)
    assert result.ended == "exit"
    assert result.code, result
    assert result.wall_ms < 8_000


def test_a_frontend_that_is_there_gets_no_more(build: Build) -> None:
    """An image taken as a frontend runs like any other step: bounded, and without a network."""
    result = build(
        "# syntax=debian:trixie\nFROM debian:trixie\n",
        seconds=15,
    )
    assert result.code != 0


def test_a_build_fills_no_more_than_its_disk(engine: Engine, build: Build) -> None:
    """The data root's size is the end of it, and the engine lives on, with whatever it has to write down."""
    for big in ("/big", "/larger", "/largest"):
        result = build(f"FROM debian:trixie\nRUN dd if=/dev/zero of={big} bs=1M count=3000\n")
        assert result.code, result
        assert "no space left" in result.stdout.lower()
        assert engine.get("/version")


def test_a_build_uses_no_more_than_its_memory(engine: Engine, build: Build) -> None:
    """BuildKit ignores limits of a build's own: the sandbox's holds."""
    result = build("FROM debian:trixie\nRUN tail -n1 /dev/zero\n")
    assert result.code, result
    assert engine.get("/version")


@pytest.mark.slow
def test_layers_without_number_are_bounded(fresh_engine: Engine) -> None:
    """Where they are more than the engine stacks it says so, and lives on."""
    text = "FROM debian:trixie\n" + "COPY Dockerfile /d\n" * 130
    output, code = fresh_engine.execute(
        ("/bin/bash", "-c", BUILD, "build", text), wall_seconds=60, output_bytes=1 << 20
    )
    assert output.ended == "exit"
    assert not code or b"depth" in output.stdout, output.stdout[-1000:]
    assert fresh_engine.sandbox.alive()


@pytest.mark.slow
def test_a_packed_bomb_fills_no_more_than_the_disk(engine: Engine) -> None:
    """`ADD` unpacks what is local, into the data root."""
    bomb = (
        "mkdir -p /tmp/context; cd /tmp/context; truncate -s 300M z; tar -czf bomb.tgz z; rm z;"
        " printf 'FROM debian:trixie\\nADD bomb.tgz /\\n' >Dockerfile;"
        " /usr/libexec/docker/cli-plugins/docker-buildx build --network none --progress plain . 2>&1"
    )
    output, code = engine.execute(("/bin/bash", "-c", bomb), wall_seconds=40, output_bytes=1 << 20)
    assert output.ended == "exit"
    # Either refused, or unpacked as the hole that it is.
    assert code or engine.get("/version")


def test_secrets_of_the_grader_are_in_no_build(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment nor its files can be asked for."""
    monkeypatch.setenv("GRADER_SECRET", "hidden-from-answers")
    result = build(
        "FROM debian:trixie\nRUN --mount=type=bind,target=/c,rw env; cat /proc/*/environ; ls -R /c\n"
        "RUN --mount=type=secret,id=GRADER_SECRET cat /run/secrets/* || true\n"
    )
    assert "hidden" not in result.stdout


@pytest.mark.slow
def test_a_bomb_in_a_build_ends_with_its_engine(fresh_engine: Engine) -> None:
    """Processes without number, ended by the deadline and gone with the sandbox."""
    text = "FROM debian:trixie\nRUN bash -c ':(){ :|:& };:; sleep 20'\n"
    counts: list[int] = []
    group = Path(fresh_engine.target(0).pids_group)

    def tick(_: float) -> float:
        counts.append(int((group / "pids.current").read_text()))
        return 20

    output, _ = fresh_engine.execute(
        ("/bin/bash", "-c", BUILD, "build", text), wall_seconds=4, output_bytes=1 << 20, tick=tick
    )
    assert 300 < max(counts) <= 400
    assert output.ended in ("exit", "deadline", "output")
    started = time.monotonic()
    fresh_engine.dispose()
    assert time.monotonic() - started < 3
