"""Hands one file to whoever asks for it on the loopback of a sandbox's own network."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from grader.sandbox import kernel

_PATIENCE_SECONDS = 5.0
_MAX_REQUEST = 16 << 10
_QUEUE = 8
_END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def offer(pidfd: int, content: bytes) -> Iterator[str]:
    """Yield a URL that gives `content` to every process in the network of the process behind `pidfd`.

    Whoever asks is hostile: one after the other is served, the same bytes for whatever request, and in a
    few seconds or not at all.

    Raises:
        SandboxError: The sandbox has ended.
    """
    # A thread of its own, so that no socket of anybody else's is made in there.
    with ThreadPoolExecutor(1, thread_name_prefix="loopback") as pool:
        listener = pool.submit(_listen, pidfd).result()
    with listener:
        thread = threading.Thread(target=_serve, args=(listener, content), name="offer", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/context.tar"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends accept(2), which close(2) does not
            thread.join()


def _listen(pidfd: int) -> socket.socket:
    kernel.enter_network(pidfd)
    return socket.create_server(("127.0.0.1", 0), backlog=_QUEUE)


def _serve(listener: socket.socket, content: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer, suppress(OSError):
            if _is_asked(peer, time.monotonic() + _PATIENCE_SECONDS):
                peer.settimeout(_PATIENCE_SECONDS)
                peer.sendall(head + content)


def _is_asked(peer: socket.socket, deadline: float) -> bool:
    """Read a request and return whether it is one that fits."""
    request = b""
    while _END_OF_HEAD not in request and len(request) < _MAX_REQUEST:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        peer.settimeout(left)
        piece = peer.recv(_MAX_REQUEST)
        if not piece:
            return False
        request += piece
    return request.startswith(b"GET ")
