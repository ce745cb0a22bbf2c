"""Wakes other processes of this machine through datagram sockets in a folder: nobody polls."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

_MAX = 65_536
_TICK_NS = 100_000_000


class Bell:
    """A socket that others ring; its path ends with the folder's kind of bell."""

    def __init__(self, folder: Path, kind: str) -> None:
        """Hang it up; bells of processes that died are taken down by whoever rings them."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.{kind}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._own.setblocking(False)

    def receive(self, seconds: float | None) -> bytes | None:
        """Return what the next ring says, or ``None`` after so many seconds."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(_MAX)
        except (TimeoutError, BlockingIOError):
            return None

    def ring(self) -> None:
        """Ring it oneself, from any thread."""
        with suppress(
            BlockingIOError, FileNotFoundError, ConnectionRefusedError
        ):  # it rings already, or is down
            self._own.sendto(b"!", str(self._path))

    def quiet(self) -> None:
        """Forget what has rung so far."""
        self.socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.socket.recv(_MAX)

    def close(self) -> None:
        """Take it down."""
        self._path.unlink(missing_ok=True)
        self._own.close()
        self.socket.close()


class Ringer:
    """Rings every bell of a kind in a folder."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = str(folder)
        self._suffix = f".{kind}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._bells: tuple[str, ...] = ()
        self._listed_at = 0  # the folder's last change when they were listed

    def ring(self, message: bytes = b"!") -> None:
        """Ring; a bell whose owner has not listened for long misses it."""
        for path in self._hanging():
            try:
                self._socket.sendto(message, path)
            except ConnectionRefusedError:
                with suppress(FileNotFoundError):
                    os.unlink(path)
            except (BlockingIOError, FileNotFoundError):
                continue  # full: its owner is awake anyway; or just taken down

    def _hanging(self) -> tuple[str, ...]:
        """Return the paths of the bells; they are listed anew only where the folder has changed."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
            if changed != self._listed_at:
                names = [name for name in os.listdir(self._folder) if name.endswith(self._suffix)]
                self._bells = tuple(f"{self._folder}/{name}" for name in names)
                # Clocks of file systems tick slowly: after a recent change, another may bear the same time.
                self._listed_at = changed if time.time_ns() - changed > _TICK_NS else 0
        except FileNotFoundError:
            return ()
        return self._bells

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
