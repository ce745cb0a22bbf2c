"""The broker for one machine without Redis: kombu's file system transport, woken instead of polling.

Messages are files. They can be lost when a process is killed, and their order is only roughly kept; both
do no harm, because a message is only a ticket, and the table of submissions is the truth.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

from worker.wake import Bell, Ringer

SCHEME: Final = "embedded"
_BELL: Final = "tickets"
_LONGEST_SLEEP: Final = 1.0  # should a ring ever be missed


class Post:
    """Puts messages into a folder, each whole or not at all, and rings."""

    def __init__(self, folder: str, sockets: Path) -> None:
        self._folder = folder
        self._ringer = Ringer(sockets, _BELL)

    def put(self, queue: str, message: str) -> None:
        """Put a message on a queue."""
        name = f"{time.time_ns() // 1000}_{uuid.uuid4().hex}.{queue}.msg"
        draft = os.path.join(self._folder, f".{name}.draft")
        # Few calls of the system: at each one, threads that answer requests change places.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, message.encode())
        finally:
            os.close(descriptor)
        os.rename(draft, os.path.join(self._folder, name))
        self._ringer.ring()

    def close(self) -> None:
        """Let go of the socket."""
        self._ringer.close()


class Channel(filesystem.Channel):
    """Puts messages as everybody does here."""

    _post: Post | None = None

    def _put(self, queue: Any, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # noqa: ARG002
        if self._post is None:
            self._post = Post(self.data_folder_out, Path(self.transport_options["sockets"]))
        self._post.put(queue, dumps(payload))  # type: ignore[no-untyped-call]

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message: there is room for the next one, for which nobody else would ring."""
        super().basic_ack(delivery_tag, multiple)  # type: ignore[no-untyped-call]
        self.connection.wake()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a message back."""
        super().basic_reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]
        self.connection.wake()

    def close(self) -> None:
        """Close the channel and let go of the socket."""
        super().close()  # type: ignore[no-untyped-call]
        if self._post is not None:
            self._post.close()
            self._post = None


class Transport(filesystem.Transport):
    """Waits for a ring where kombu's own transport would sleep."""

    Channel = Channel
    _bell: Bell | None = None

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Deliver the next message.

        Raises:
            TimeoutError: None came in `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if self._bell is None:
            self._bell = Bell(Path(connection.client.transport_options["sockets"]), _BELL)
        while True:
            self._bell.quiet()
            try:
                self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]
            except Empty:
                rest = _LONGEST_SLEEP if end is None else end - time.monotonic()
                if rest <= 0:
                    raise TimeoutError from None
                self._bell.receive(min(rest, _LONGEST_SLEEP))
            else:
                return

    def wake(self) -> None:
        """Look for the next message now; any thread may say so."""
        if (bell := self._bell) is not None:
            bell.ring()

    def close_connection(self, connection: Any) -> None:
        """Close channels and take the bell down."""
        super().close_connection(connection)  # type: ignore[no-untyped-call]
        if self._bell is not None:
            self._bell.close()
            self._bell = None


TRANSPORT_ALIASES[SCHEME] = "worker.embedded:Transport"
