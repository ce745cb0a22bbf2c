"""Reads the events of a disposable engine as they stream in.

Source: Docker Engine API, "Monitor events". The fields `status`, `id` and `from` are not read: engine 29
dropped them. Labels of a container are attributes of its events and, on every engine, can stand in the
place of `exitCode` or `signal`; points that hang on these need the inspection or the host as well.
"""

from __future__ import annotations

import signal
from typing import Final

import msgspec

from grader.evidence import Event

_MAX_EVENTS: Final = 10_000
_MAX_EVENT: Final = 64 << 10
_MAX_TOTAL: Final = 8 << 20
_DETAIL: Final = {
    "exec_create": "command",
    "exec_start": "command",
    "exec_detach": "command",
    "health_status": "health",
}
"""What an action says behind its colon, by the name of the attribute that it becomes."""


class _Actor(msgspec.Struct):
    id: str = msgspec.field(default="", name="ID")
    attributes: dict[str, str] | None = msgspec.field(default=None, name="Attributes")


class _Said(msgspec.Struct):
    """One event as the engine says it."""

    kind: str = msgspec.field(name="Type")
    action: str = msgspec.field(name="Action")
    actor: _Actor = msgspec.field(name="Actor")
    nanoseconds: int = msgspec.field(name="timeNano")


_DECODER: Final = msgspec.json.Decoder(_Said)


class Stream:
    """The events seen so far; feed it whatever arrives, split anywhere.

    Attributes:
        lost: How many events were not kept: unreadable, longer than 64 KiB, or beyond the first 10,000
            or 8 MiB.
    """

    def __init__(self, started_ns: int) -> None:
        """Begin; `started_ns` is when the answer began, in nanoseconds of the engine's clock (UNIX time)."""
        self.lost = 0
        self._started_ns = started_ns
        self._events: list[Event] = []
        self._left = _MAX_TOTAL
        self._line = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream: JSON objects, each on a line of its own."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._append(end)
            self._finish()
        self._append(rest)

    def events(self) -> tuple[Event, ...]:
        """Return the events whose lines are complete, in the engine's order."""
        return tuple(self._events)

    def _append(self, part: bytes) -> None:
        if self._too_long or len(self._line) + len(part) > _MAX_EVENT:
            self._too_long = True
            self._line.clear()
        else:
            self._line += part

    def _finish(self) -> None:
        line, too_long = self._line.strip(), self._too_long
        self._line, self._too_long = bytearray(), False
        if too_long:
            self.lost += 1
        elif line:
            self._keep(line)

    def _keep(self, line: bytearray) -> None:
        if len(self._events) >= _MAX_EVENTS or len(line) > self._left:
            self.lost += 1
            return
        try:
            said = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.lost += 1
            return
        self._left -= len(line)
        self._events.append(_to_event(said, self._started_ns))


def _to_event(said: _Said, started_ns: int) -> Event:
    action, colon, detail = said.action.partition(": ")
    attributes = dict(said.actor.attributes or {})
    if colon:
        attributes[_DETAIL.get(action, "detail")] = detail
    if "signal" in attributes:
        attributes["signal"] = _signal_number(attributes["signal"])
    return Event(
        at_ms=round((said.nanoseconds - started_ns) / 1e6, 3),
        kind=said.kind,
        action=action,
        id=said.actor.id,
        attributes=attributes,
    )


def _signal_number(name: str) -> str:
    """Convert a signal's name to its number, which is what Docker says; others that speak its API do not."""
    plain = name.upper().removeprefix("SIG")
    return str(int(signal.Signals[f"SIG{plain}"])) if f"SIG{plain}" in signal.Signals.__members__ else name
