"""Tells the web processes what happens to a submission at the moment it happens."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import redis

from worker.settings import ServiceSettings
from worker.submission import State
from worker.wake import Bell, Ringer

CHANNEL: Final = "grader:notices"
_BELL: Final = "notices"
_KEPT: Final = 2_000  # submissions whose last notice is remembered
_LONGEST: Final = 300
_PRINTED: Final = 6_000  # characters
_ENDS: Final = frozenset(state.value for state in State if state.final)
_RETRY_SECONDS: Final = 1.0
_LOG = logging.getLogger(__name__)


class Notice(msgspec.Struct, frozen=True):
    """What just happened: ``running``, ``graded`` and the like, what is going on, or what was printed.

    Attributes:
        id: Of the submission.
        what: Happened; empty where it only printed something.
        printed: The end of what came on its output.
        size: Bytes of all of that.
    """

    id: str
    what: str = ""
    printed: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a submission.

    Attributes:
        what: Happened last.
        printed: The end of what it has printed while it runs.
        size: Bytes of all that it has printed.
    """

    what: str = ""
    printed: str = ""
    size: int = 0

    def and_then(self, notice: Notice) -> Heard:
        """Return what is known after one more notice."""
        if notice.what == State.RUNNING.value or notice.what in _ENDS:  # a new attempt, or the end of it
            return Heard(notice.what)
        return Heard(
            notice.what or self.what,
            (self.printed + notice.printed)[-_PRINTED:],
            self.size + notice.size,
        )


NOTHING: Final = Heard()
_DECODER = msgspec.json.Decoder(Notice)


class Notices(Protocol):
    """The sending side, in workers and in whatever changes a submission."""

    def tell(self, identity: str, what: str) -> None:
        """Tell everybody; a notice that is lost only delays what it would have told."""

    def show(self, identity: str, printed: str, size: int) -> None:
        """Tell everybody what a submission prints; see `Notice`."""

    def close(self) -> None:
        """Let go of the connection."""


class LocalNotices:
    """Notices to other processes of this machine."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._ringer = Ringer(settings.sockets_dir, _BELL)

    def tell(self, identity: str, what: str) -> None:
        """Tell everybody on this machine."""
        self._ringer.ring(msgspec.json.encode(Notice(identity, what[:_LONGEST])))

    def show(self, identity: str, printed: str, size: int) -> None:
        """Show it to everybody on this machine."""
        self._ringer.ring(msgspec.json.encode(Notice(identity, printed=printed, size=size)))

    def close(self) -> None:
        """Let go of the socket."""
        self._ringer.close()


class RedisNotices:
    """Notices through Redis."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._redis = redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)

    def tell(self, identity: str, what: str) -> None:
        """Tell everybody who is connected."""
        self._publish(Notice(identity, what[:_LONGEST]))

    def show(self, identity: str, printed: str, size: int) -> None:
        """Show it to everybody who is connected."""
        self._publish(Notice(identity, printed=printed, size=size))

    def _publish(self, notice: Notice) -> None:
        try:
            self._redis.publish(CHANNEL, msgspec.json.encode(notice))
        except redis.RedisError as error:
            _LOG.warning("a notice was lost: %s", error)

    def close(self) -> None:
        """Let go of the connection."""
        self._redis.close()


def make_notices(settings: ServiceSettings) -> Notices:
    """Return the sending side that fits the settings."""
    return RedisNotices(settings) if settings.redis_url else LocalNotices(settings)


class Ear:
    """The hearing side: one thread for each process, and an event for each request that waits."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Begin to listen."""
        self._settings = settings
        self._lock = threading.Lock()
        self._waiting: dict[str, list[tuple[threading.Event, bool]]] = {}
        self._waiters = 0
        self._last: OrderedDict[str, Heard] = OrderedDict()
        self._closed = threading.Event()
        self._bell = None if settings.redis_url else Bell(settings.sockets_dir, _BELL)
        listen = self._listen_redis if settings.redis_url else self._listen_local
        self._thread = threading.Thread(target=listen, name="notices", daemon=True)
        self._thread.start()

    def last(self, identity: str) -> Heard:
        """Return what was heard of a submission so far."""
        with self._lock:
            return self._last.get(identity, NOTHING)

    @contextlib.contextmanager
    def waiting(self, identity: str, *, for_progress: bool = False) -> Iterator[threading.Event]:
        """Give an event that is set once a submission has ended, or by any notice `for_progress`.

        Look at the submission after entering: what happened before was not heard.
        """
        heard = threading.Event()
        with self._lock:
            self._waiting.setdefault(identity, []).append((heard, for_progress))
            self._waiters += 1
        try:
            yield heard
        finally:
            with self._lock:
                self._waiters -= 1
                rest = [entry for entry in self._waiting[identity] if entry[0] is not heard]
                if rest:
                    self._waiting[identity] = rest
                else:
                    del self._waiting[identity]

    def waiters(self) -> int:
        """Return how many requests wait."""
        return self._waiters

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._bell is not None:
            self._bell.close()

    def _hear(self, message: bytes) -> None:
        try:
            notice = _DECODER.decode(message)
        except msgspec.MsgspecError:
            return
        with self._lock:
            self._last[notice.id] = self._last.get(notice.id, NOTHING).and_then(notice)
            self._last.move_to_end(notice.id)
            if len(self._last) > _KEPT:
                self._last.popitem(last=False)
            for event, for_progress in self._waiting.get(notice.id, ()):
                if for_progress or notice.what in _ENDS:
                    event.set()

    def _listen_local(self) -> None:
        bell = self._bell
        if bell is None:
            return
        while not self._closed.is_set():
            try:
                message = bell.receive(None)
            except OSError:
                return  # closed
            if message is not None:
                self._hear(message)

    def _listen_redis(self) -> None:
        client = redis.Redis.from_url(self._settings.redis_url, socket_connect_timeout=2)
        away = False
        while not self._closed.is_set():
            try:
                channel = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                with channel as subscription:
                    subscription.subscribe(CHANNEL)
                    if away:
                        away = False
                        _LOG.warning("notices are heard again")
                    while not self._closed.is_set():
                        message = subscription.get_message(timeout=5.0)
                        if message is not None:
                            self._hear(message["data"])
            except redis.RedisError as error:
                if not away:
                    away = True
                    _LOG.warning("notices are not heard: %s", error)
                time.sleep(_RETRY_SECONDS)
