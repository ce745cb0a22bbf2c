"""Questions to a disposable engine's API: every reply is hostile, and bounded in time and size."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import requests

from grader.errors import SandboxError
from grader.sandbox import transport

_CALL_SECONDS = 10.0
_MAX_ANSWER = 8 << 20
_EVENTS_SECONDS = 3600.0
# What a reply may contain is up to whoever owns the engine, and that is the participant.
_DECODER = msgspec.json.Decoder()


class EngineError(SandboxError):
    """The engine did not answer, or with an error.

    Attributes:
        status: HTTP status, or 0 where there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the engine's API.

    Attributes:
        status: HTTP status.
        body: What came of it.
        failure: Why that is not all, or empty.
    """

    status: int
    body: bytes
    failure: str


class Api:
    """The API of one engine, once there is a client that reaches it."""

    _client: transport.Client | None = None

    def _epitaph(self) -> str:
        """Return what a failed call is to add where the engine itself has ended."""
        return ""

    def get(self, path: str, *, seconds: float = _CALL_SECONDS, **query: Any) -> Any:
        """Ask the engine's API; see `call`."""
        return self.call("GET", path, seconds=seconds, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Call the engine's API and return its JSON, or ``None`` where the answer is empty.

        Args:
            method: HTTP method.
            path: Without the version, as in the engine's API reference.
            seconds: Wall time for the whole call.
            query: Parameters of the URL.
            body: Sent as JSON.

        Raises:
            EngineError: No answer in time, too long a one, one that is no JSON, or an error.
        """
        raw = self.read(method, path, seconds=seconds, query=query, body=body)
        if not raw:
            return None
        try:
            return _DECODER.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EngineError(f"{method} {path}: no JSON: {error}") from error

    def read(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
        limit: int = _MAX_ANSWER,
    ) -> bytes:
        """Call the engine's API and return the raw answer of at most `limit` bytes; see `call`."""
        reply = self.receive(method, path, seconds=seconds, query=query, body=body, limit=limit)
        if reply.failure:
            raise EngineError(f"{method} {path}: {reply.failure}")
        if reply.status >= 300:
            raise EngineError(f"{method} {path}: {_message(reply.body)}", reply.status)
        return reply.body

    def receive(
        self,
        method: str,
        path: str,
        *,
        seconds: float = _CALL_SECONDS,
        query: dict[str, Any] | None = None,
        body: Any = None,
        limit: int = _MAX_ANSWER,
        heard: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Call the engine's API and return as much of its answer as comes; see `call`.

        `heard` is told of each piece as it comes.

        Raises:
            EngineError: Nothing came.
        """
        deadline = time.monotonic() + seconds
        chunks: list[bytes] = []
        size = 0
        failure = ""
        response = None
        try:
            with self._request(method, path, seconds, query, body) as response:
                for chunk in transport.available(response):
                    chunks.append(chunk)
                    if heard is not None:
                        heard(chunk)
                    size += len(chunk)
                    if size > limit:
                        failure = f"more than {limit} bytes"
                    elif time.monotonic() > deadline:
                        failure = f"no end after {seconds:.0f} s"
                    if failure:
                        break
        except transport.ERRORS as error:
            failure = f"{error}{self._epitaph()}"
        if response is None:
            raise EngineError(f"{method} {path}: {failure}")
        return Reply(response.status_code, b"".join(chunks)[:limit], failure)

    def _request(
        self, method: str, path: str, seconds: float, query: dict[str, Any] | None, body: Any
    ) -> requests.Response:
        if self._client is None:
            raise EngineError("the engine was not started")
        return self._client.request(method, path, seconds, query, body)

    def stream_events(self, feed: Callable[[bytes], None], since_ns: int) -> None:
        """Pass the engine's events to `feed` as they come, until the engine ends.

        Args:
            feed: Takes what arrives, split anywhere.
            since_ns: UNIX time in nanoseconds. What happened from then on, before the engine took notice of
                this listener, comes first: an engine remembers its last 256 events.
        """
        query = {"since": f"{since_ns // 10**9}.{since_ns % 10**9:09d}"}
        with (
            suppress(*transport.ERRORS, EngineError),
            self._request("GET", "/events", _EVENTS_SECONDS, query, None) as response,
        ):
            for chunk in transport.available(response):
                feed(chunk)


def _message(answer: bytes) -> str:
    try:
        return str(_DECODER.decode(answer)["message"])[:2_000]
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
