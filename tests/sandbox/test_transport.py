"""Replies of an engine whose owner means ill, served on the grader's own socket."""

from __future__ import annotations

import gzip
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from grader.model import Limits, Profile
from grader.sandbox.engine import Engine
from grader.sandbox.engine_api import EngineError
from grader.sandbox.sandbox import Host

pytestmark = pytest.mark.sandbox

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
VERSION = HEAD + b'Content-Length: 17\r\n\r\n{"Version":"1.2"}'
Serve = Callable[[socket.socket], None]


@pytest.fixture
def evil(any_host: Host) -> Iterator[Callable[[Serve], Engine]]:
    """Return a function that makes an engine whose every reply but the first comes from `serve`."""
    with ExitStack() as stack:

        def make(serve: Serve) -> Engine:
            engine = stack.enter_context(Engine(any_host, Limits()))
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(engine._socket)
            listener.listen()
            closing = threading.Event()

            def accept() -> None:
                first = True
                while not closing.is_set():
                    try:
                        peer, _ = listener.accept()
                    except OSError:
                        return
                    with peer, suppress(OSError):
                        while peer.recv(65_536):
                            if not first:
                                serve(peer)
                                break
                            first = False
                            peer.sendall(VERSION)

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            engine._connect()

            def stop() -> None:
                closing.set()
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(5)

            stack.callback(stop)
            assert engine.version == "1.2"
            return engine

        yield make


def _drip(start: bytes, piece: bytes) -> Serve:
    def serve(peer: socket.socket) -> None:
        peer.sendall(start)
        for _ in range(200):
            peer.sendall(piece)
            time.sleep(0.05)

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(_drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b"1"), id="body"),
        pytest.param(_drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"), id="chunks"),
        pytest.param(_drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"), id="size of a chunk"),
        pytest.param(_drip(HEAD + b"X: ", b"1"), id="header"),
        pytest.param(_drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue"),
        pytest.param(_drip(b"HTTP/1.1 200 ", b"O"), id="status"),
        pytest.param(lambda peer: time.sleep(1), id="silence"),
    ],
)
def test_a_reply_without_end_is_cut_off(evil: Callable[[Serve], Engine], serve: Serve) -> None:
    """However it is spread, a call takes no longer than it may."""
    engine = evil(serve)
    started = time.monotonic()
    with pytest.raises(EngineError):
        engine.get("/containers/json", seconds=0.6)
    assert time.monotonic() - started < 1.2


def _flood(start: bytes, piece: bytes) -> Serve:
    def serve(peer: socket.socket) -> None:
        peer.sendall(start)
        for _ in range(2_000):
            peer.sendall(piece)

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(_flood(HEAD + b"\r\n", b" " * 65_536), id="body"),
        pytest.param(_flood(HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 65_536), id="length"),
        pytest.param(
            _flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"),
            id="chunks",
        ),
        pytest.param(
            _flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"fffffffff\r\n" + b" " * 65_536),
            id="one chunk",
        ),
        pytest.param(_flood(HEAD, b"X: " + b"1" * 60_000 + b"\r\n"), id="headers"),
        pytest.param(_flood(b"HTTP/1.1 200 ", b"1" * 65_536), id="status"),
    ],
)
def test_a_reply_without_bounds_is_cut_off(evil: Callable[[Serve], Engine], serve: Serve) -> None:
    """A few megabytes at most enter the grader's memory."""
    engine = evil(serve)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EngineError):
        engine.get("/containers/json", seconds=10)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"a": NaN}',
        b"\xff\xfe\x00",
        b"1" * 100_000 + b"x",
    ],
    ids=["none", "text", "nested", "objects", "nan", "binary", "digits"],
)
def test_a_reply_that_is_no_json_is_an_error_or_nothing(evil: Callable[[Serve], Engine], body: bytes) -> None:
    """It never ends in another kind of exception."""
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    engine = evil(lambda peer: peer.sendall(head + body))
    if not body:
        assert engine.get("/containers/json", seconds=5) is None
        return
    with pytest.raises(EngineError, match="no JSON"):
        engine.get("/containers/json", seconds=5)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_packed_reply_is_not_unpacked(evil: Callable[[Serve], Engine], layers: int) -> None:
    """A few kilobytes would become gigabytes."""
    body = b" " * (1 << 24)
    for _ in range(layers):
        body = gzip.compress(body)
    head = (
        HEAD
        + f"Content-Encoding: {', '.join(['gzip'] * layers)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    engine = evil(lambda peer: peer.sendall(head + body))
    with pytest.raises(EngineError, match="no JSON"):
        engine.get("/containers/json", seconds=5)


def test_a_redirection_is_not_followed(evil: Callable[[Serve], Engine]) -> None:
    """The grader's network is not the participant's to send requests into."""
    with socket.create_server(("127.0.0.1", 0)) as secret:
        secret.settimeout(0.2)
        location = f"http://127.0.0.1:{secret.getsockname()[1]}/".encode()
        engine = evil(
            lambda peer: peer.sendall(
                b"HTTP/1.1 307 Moved\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
            )
        )
        with pytest.raises(EngineError) as caught:
            engine.get("/containers/json", seconds=2)
        assert caught.value.status == 307
        with pytest.raises(TimeoutError):
            secret.accept()


def test_a_closed_connection_is_an_error(evil: Callable[[Serve], Engine]) -> None:
    """In the head as in the middle of the body."""
    for part in (b"", b"HTTP/1.1", HEAD + b"\r\n[1,", HEAD + b"Content-Length: 50\r\n\r\n[1,"):
        engine = evil(lambda peer, part=part: peer.sendall(part))
        with pytest.raises(EngineError):
            engine.get("/containers/json", seconds=2)


def test_an_error_without_message_is_told(evil: Callable[[Serve], Engine]) -> None:
    """As much of it as fits a line."""
    reply = b"HTTP/1.1 500 Error\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    engine = evil(lambda peer: peer.sendall(reply))
    with pytest.raises(EngineError) as caught:
        engine.get("/containers/json", seconds=2)
    assert caught.value.status == 500
    assert len(str(caught.value)) < 1_000


def test_an_engine_that_was_not_started_has_no_answer(any_host: Host) -> None:
    """It is said as what it is."""
    with Engine(any_host, Limits()) as engine, pytest.raises(EngineError, match="not started"):
        engine.get("/version")
    assert engine.sandbox.profile is Profile.DOCKER
