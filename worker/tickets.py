"""Tickets on the queue: each says that there is work, and carries a submission's id for the logs.

Celery would take several times as long to make a ticket as to send it, and the sending is most of what a
submission costs beside being stored. So kombu, which Celery sends with, makes one message of a task, once;
each ticket is that message with other ids, put where the workers' transport takes it from.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import redis
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Producer

from worker import embedded
from worker.queue import QUEUE, TASK
from worker.settings import ServiceSettings
from worker.together import Together

_NO_CALLBACKS: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_LOG = logging.getLogger(__name__)


class _Box(Protocol):
    """Where tickets lie until workers take them."""

    def put(self, tickets: Sequence[str]) -> None:
        """Add tickets; raise `OSError` or `RedisError` where that is not possible."""

    def depth(self) -> int:
        """Return how many there are; raise the same."""

    def close(self) -> None:
        """Let go of every connection."""


class _RedisBox:
    """The list from which kombu's transport for Redis takes messages of the usual priority."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._redis = redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)

    def put(self, tickets: Sequence[str]) -> None:
        self._redis.lpush(QUEUE, *tickets)

    def depth(self) -> int:
        return int(self._redis.llen(QUEUE))

    def close(self) -> None:
        self._redis.close()


class _FolderBox:
    """The folder of the embedded broker."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._folder = settings.queue_dir / "tickets"
        self._post = embedded.Post(str(self._folder), settings.sockets_dir)

    def put(self, tickets: Sequence[str]) -> None:
        for ticket in tickets:
            self._post.put(QUEUE, ticket)

    def depth(self) -> int:
        return sum(entry.name.endswith(f"{QUEUE}.msg") for entry in os.scandir(_there(self._folder)))

    def close(self) -> None:
        self._post.close()


class Tickets:
    """Puts tickets on the queue; safe to use from many threads."""

    def __init__(self, app: Celery, settings: ServiceSettings) -> None:
        self._message = _message_of(app)
        self._box: _Box = _RedisBox(settings) if settings.redis_url else _FolderBox(settings)
        self._new = Together(self._box.put)

    def add(self, identity: str) -> bool:
        """Add a ticket; return ``False`` where the queue is away: the sweeper adds what is missing."""
        try:
            self._new.add(self._ticket(identity))
        except (redis.RedisError, OSError) as error:
            _LOG.warning("no ticket for %s, the sweeper will add one: %s", identity, error)
            return False
        return True

    def _ticket(self, identity: str) -> str:
        task = uuid.uuid4().hex
        body = json.dumps([[identity], {}, _NO_CALLBACKS]).encode()
        headers = self._message["headers"] | {"id": task, "root_id": task}
        properties = self._message["properties"] | {"correlation_id": task, "delivery_tag": str(uuid.uuid4())}
        return json.dumps(
            self._message
            | {"body": base64.b64encode(body).decode(), "headers": headers, "properties": properties}
        )

    def depth(self) -> int:
        """Return how many tickets wait.

        Raises:
            ConnectionError: The queue is away.
        """
        try:
            return self._box.depth()
        except redis.RedisError as error:
            raise ConnectionError(str(error)) from error

    def reachable(self) -> str:
        """Return why the queue cannot be used, or an empty text."""
        try:
            self.depth()
        except OSError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Let go of every connection."""
        self._box.close()


def _message_of(app: Celery) -> dict[str, Any]:
    """Return a message as kombu would give it to a broker, by giving it to one within this process."""
    headers: dict[str, Any] = app.amqp.as_task_v2("", TASK, ("…",), {}).headers
    with Connection("memory://") as connection:  # type: ignore[no-untyped-call]
        channel = connection.default_channel
        producer = Producer(channel, routing_key=QUEUE, serializer="json")  # type: ignore[no-untyped-call]
        queue = Queue(QUEUE)  # type: ignore[no-untyped-call]
        producer.publish((), headers=headers, declare=[queue])  # type: ignore[no-untyped-call]
        message: dict[str, Any] = channel._get(QUEUE)
    return message


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
