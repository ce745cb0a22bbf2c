"""Turns what an engine's own build API says into evidence: JSON lines that carry BuildKit's messages.

Source: Docker Engine API, ``POST /build`` with ``version=2``; BuildKit, api/services/control/control.proto
(StatusResponse); Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from grader.evidence import Build
from grader.observe.buildlog import DIGEST, Log, Notice, Status, Vertex, assemble

_TRACE: Final = "moby.buildkit.trace"
_IMAGE: Final = "moby.image.id"
_MAX_LINES: Final = 100_000
_MAX_SAID: Final = 4_096
_MAX_VARINT: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Line(msgspec.Struct):
    id: str = ""
    aux: msgspec.Raw = msgspec.Raw()
    error: str = ""


class _Made(msgspec.Struct):
    image: str = msgspec.field(default="", name="ID")


@dataclass(slots=True)
class _Answer:
    """What a build's answer came to."""

    said: list[Status | str]
    image: str = ""
    failed: bool = False


def to_build(answer: bytes, failure: str, wall_ms: float, truncated: bool = False) -> Build:
    """Convert one build.

    Args:
        answer: Of the engine, as much as there is of it.
        failure: Why that is not all, or empty.
        wall_ms: How long it took.
        truncated: Whether the answer was too long.
    """
    read = _Answer([])
    for line in answer.splitlines()[:_MAX_LINES]:
        _take(line, read)
    if failure:
        read.said.append(failure)
    return assemble(
        read.said,
        ok=bool(read.image) and not read.failed and not failure,
        image=read.image or None,
        wall_ms=wall_ms,
        truncated=truncated,
    )


def to_failed(message: str, wall_ms: float) -> Build:
    """Return what is said about a build that the engine would not begin."""
    return assemble([message[:_MAX_SAID]], ok=False, image=None, wall_ms=wall_ms, truncated=False)


def _take(line: bytes, answer: _Answer) -> None:
    """Add one line; what cannot be read says nothing."""
    try:
        found = msgspec.json.decode(line, type=_Line)
        if found.error:
            answer.failed = True
            answer.said.append(f"ERROR: {found.error[:_MAX_SAID]}")
        elif found.id == _TRACE:
            answer.said.append(to_status(msgspec.json.decode(found.aux, type=bytes)))
        elif found.id == _IMAGE:
            made = msgspec.json.decode(found.aux, type=_Made).image
            answer.image = made if DIGEST.fullmatch(made) else ""
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return


def status_in(line: bytes) -> Status | None:
    """Return what one line of the answer says that BuildKit reports, if it does."""
    said = _Answer([])
    _take(line, said)
    found = said.said[0] if said.said else None
    return found if isinstance(found, Status) else None


def to_status(message: bytes) -> Status:
    """Decode a StatusResponse.

    Raises:
        ValueError: It is none.
        OverflowError: A time in it is none.
    """
    status = Status(vertexes=[], logs=[], warnings=[])
    for number, value in _fields(message):
        match number, value:
            case 1, bytes() if status.vertexes is not None:
                status.vertexes.append(_to_vertex(value))
            case 3, bytes() if status.logs is not None:
                fields = dict(_fields(value))
                status.logs.append(Log(_text(fields.get(1)), _bytes(fields.get(4))))
            case 4, bytes() if status.warnings is not None:
                fields = dict(_fields(value))
                status.warnings.append(Notice(_text(fields.get(1)), _bytes(fields.get(3))))
    return status


def _to_vertex(message: bytes) -> Vertex:
    fields = list(_fields(message))
    last = dict(fields)
    return Vertex(
        digest=_text(last.get(1)),
        inputs=[_text(value) for number, value in fields if number == 2],
        name=_text(last.get(3)),
        cached=bool(last.get(4)),
        started=_moment(last.get(5)),
        completed=_moment(last.get(6)),
        error=_text(last.get(7)),
    )


def _moment(value: int | bytes | None) -> datetime | None:
    """Decode a google.protobuf.Timestamp."""
    if not isinstance(value, bytes):
        return None
    fields = dict(_fields(value))
    seconds, nanoseconds = fields.get(1, 0), fields.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanoseconds, int):
        return None
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1_000)


def _text(value: int | bytes | None) -> str:
    return _bytes(value).decode("utf-8", "replace")


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; those of fixed length are left out.

    Raises:
        ValueError: These are no fields.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"no wire type: {kind}")
        end = at + size
        if end > len(message):
            raise ValueError("a field without its end")
        if kind == 2:
            yield number, message[at:end]
        at = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT):
        if at + shift >= len(message):
            break
        byte = message[at + shift]
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    raise ValueError("a number without its end")
