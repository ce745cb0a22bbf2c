"""HTTP to one grading server: answers of bounded size, errors as sentences, tokens to nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from grader import __version__
from grader.errors import GraderError, RefusedError, ServerError
from grader.visible import one_line

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
_MOST: Final = 16 * 1024 * 1024
_CHUNK: Final = 65_536
_Shape = TypeVar("_Shape")


class _Problem(msgspec.Struct):
    """What a problem document says (RFC 9457)."""

    detail: str = ""


def server_url(text: str) -> str:
    """Return a server's address in the one form it is kept in, without a slash at the end.

    Raises:
        GraderError: It is no address of a web server.
    """
    shown = one_line(text, 100)
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise GraderError(f"{shown} is no address of a server: {one_line(str(error))}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.strip().isprintable():
        raise GraderError(f"{shown} is no address of a server: one begins with http:// or https://")
    if parts.username is not None or parts.query or parts.fragment or " " in text.strip():
        raise GraderError(f"{shown} is no address of a server: it holds more than host, port and path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


class Connection:
    """Requests to the server at `server`, signed with a token where there is one."""

    def __init__(self, server: str, token: str = "") -> None:
        self.server = server
        self._token = token
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"container-grader/{__version__}"

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        shape: type[_Shape],
        *,
        seconds: float = _READ_SECONDS,
        json: object = None,
        form: Mapping[str, str] | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> _Shape:
        """Send a request and return what comes back.

        Args:
            method: HTTP method.
            path: With its query, below the server's address.
            shape: What the answer has to be.
            seconds: How long the server may be silent.
            json: Sent as JSON.
            form: Fields, sent as a form with the `files`.
            files: Names and contents.
            headers: Besides the usual ones.

        Raises:
            RefusedError: The server refuses it, or sends us elsewhere.
            ServerError: It cannot be reached or fails, or what it says cannot be understood.
        """
        try:
            with self._session.request(
                method,
                f"{self.server}{path}",
                json=json,
                data=form,
                files=[("files", (name, content)) for name, content in files] or None,
                headers=headers,
                auth=self._sign,  # without it, a ~/.netrc would speak
                timeout=(_CONNECT_SECONDS, seconds),
                allow_redirects=False,  # whoever it leads to must not get the token
                stream=True,
            ) as response:
                body = b"".join(self._pieces(response, seconds))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerError(f"{self.server} cannot be reached: {_cause(error)}") from error
        self._complain(response, body)
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise ServerError(f"{self.server} does not answer as a grader does") from error

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _pieces(self, response: requests.Response, seconds: float) -> Iterator[bytes]:
        end = time.monotonic() + _CONNECT_SECONDS + seconds
        size = 0
        for piece in response.iter_content(_CHUNK):
            size += len(piece)
            if size > _MOST or time.monotonic() > end:
                raise ServerError(f"{self.server} does not come to the end of its answer")
            yield piece

    def _complain(self, response: requests.Response, body: bytes) -> None:
        status = response.status_code
        if status < 300:
            return
        if status < 400:
            to = one_line(response.headers.get("Location", ""), 200)
            raise RefusedError(f"{self.server} sends us to {to}: if that is right, give it as server", status)
        reason = _detail(body) or _phrase(status)
        if status >= 500:
            raise ServerError(f"{self.server} fails: {reason}")
        raise RefusedError(reason, status, _again(response.headers.get("Retry-After", "")))


def _detail(body: bytes) -> str:
    try:
        return one_line(msgspec.json.decode(body, type=_Problem).detail, 500)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return ""  # from something in between that knows nothing of problem documents


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _again(header: str) -> float | None:
    return float(header) if header.isascii() and header.isdigit() and len(header) < 7 else None


def _cause(error: BaseException) -> str:
    """Return the sentence at the bottom of a chain of errors: the others repeat the address."""
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not trusted ({one_line(str(error), 200)})"
    found: Any = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return one_line(found.strerror, 100)
        found = found.__cause__ or found.__context__
    return one_line(str(error), 200)
