"""The way to an engine's API: requests whose time and size hold, whatever the other side sends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import docker
import requests
import urllib3
from docker.transport import unixconn

_VERSION = "1.44"
_CHUNK = 65_536
_POOL = "http+docker://localhost"
ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)


class Client:
    """Speaks HTTP over the socket at `path`."""

    def __init__(self, path: str) -> None:
        self._api = docker.APIClient(base_url=f"unix://{path}", version=_VERSION)
        self._api.trust_env = False  # no proxy of the machine's
        self._api.mount("http+docker://", _Adapter(f"http+unix://{path}"))

    def request(
        self, method: str, path: str, seconds: float, query: dict[str, Any] | None, body: Any
    ) -> requests.Response:
        """Send a request and return its answer, of which only the head has been read.

        Args:
            method: HTTP method.
            path: Without the version.
            seconds: For everything: the head, and whatever of the rest is read.
            query: Parameters of the URL.
            body: Sent as JSON.
        """
        return self._api.request(
            method,
            f"{self._api.base_url}/v{_VERSION}{path}",
            params=query,
            json=body,
            stream=True,
            allow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            timeout=max(0.05, seconds),
        )

    def close(self) -> None:
        """Close its connections."""
        self._api.close()


def available(response: requests.Response) -> Iterator[bytes]:
    """Yield what arrives as soon as it arrives, and never unpacked: a few bytes may unpack to gigabytes."""
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        yield chunk


class _Socket(socket.socket):
    """A socket whose timeout is for all that is read until it is set again.

    The usual one starts anew with every byte, so that a peer that sends one now and then is never late.
    """

    _deadline: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        """Set when reading ends, in seconds from now."""
        self._deadline = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, *args: Any) -> int:
        """Receive, as long as there is time."""
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            super().settimeout(left)
        return super().recv_into(*args)


class _Connection(unixconn.UnixHTTPConnection):
    def connect(self) -> None:
        self.sock = _Socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_socket)


class _Connections(unixconn.UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        return _Connection(self.base_url, self.socket_path)  # urllib3 sets the timeout of each request


class _Adapter(unixconn.UnixHTTPAdapter):
    """docker's way to a socket, with deadlines that hold."""

    def get_connection(self, url: Any, proxies: Any = None) -> Any:  # noqa: ARG002  (requests' signature)
        with self.pools.lock:  # one for all: docker's own keeps a connection open for each URL
            if _POOL not in self.pools:
                self.pools[_POOL] = _Connections(_POOL, self.socket_path, maxsize=self.max_pool_size)
            return self.pools[_POOL]
