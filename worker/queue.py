"""The queue of tickets: a Celery application for Redis, or for the embedded broker."""

from __future__ import annotations

import logging
import os
import uuid
from pathlib import Path
from typing import Any, Final

import redis
from celery import Celery
from kombu import pools
from kombu.exceptions import KombuError, OperationalError

from worker import embedded
from worker.settings import ServiceSettings

QUEUE: Final = "tickets"
TASK: Final = "grader.grade"
_NO_CALLBACKS: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_LOG = logging.getLogger(__name__)


def make_app(settings: ServiceSettings) -> Celery:
    """Return the Celery application: late acknowledgement, no results, ids only."""
    app = Celery("grader", set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        # Never give up on a broker that is away: submissions are stored, and there is nothing better to do.
        broker_connection_max_retries=None,
        broker_connection_timeout=2.0,
        task_acks_late=True,
        task_create_missing_queues=True,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_reject_on_worker_lost=True,
        task_serializer="json",
        task_store_errors_even_if_ignored=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        **(_redis(settings) if settings.redis_url else _embedded(settings)),
    )
    return app


def _redis(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "broker_url": settings.redis_url,
        "broker_transport_options": {
            # A ticket whose worker died comes back after the longest time that grading may take; the
            # sweeper is faster. The two that follow make kombu look often enough to notice.
            "visibility_timeout": settings.deadline_seconds + 60,
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5.0,
            "socket_connect_timeout": 2.0,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
    }


def _embedded(settings: ServiceSettings) -> dict[str, Any]:
    folders = {name: settings.queue_dir / name for name in ("tickets", "control")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": f"{embedded.SCHEME}://localhost",
        "broker_transport_options": {
            "data_folder_in": str(folders["tickets"]),
            "data_folder_out": str(folders["tickets"]),
            "control_folder": str(folders["control"]),
            "sockets": str(settings.sockets_dir),
        },
    }


class Tickets:
    """Puts tickets on the queue: a ticket says that there is work, and carries an id for the logs."""

    def __init__(self, app: Celery, settings: ServiceSettings) -> None:
        self._app = app
        self._redis = (
            redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)
            if settings.redis_url
            else None
        )
        self._folder = settings.queue_dir / "tickets"
        # All of a message but its ids: Celery takes twice as long to make each anew as to send it.
        self._headers: dict[str, Any] = app.amqp.as_task_v2("", TASK, ("…",), {}).headers

    def add(self, identity: str) -> bool:
        """Add a ticket; return ``False`` where the queue is away: the sweeper adds what is missing."""
        ticket = uuid.uuid4().hex
        headers = self._headers | {"id": ticket, "root_id": ticket}
        body: tuple[Any, ...] = ((identity,), {}, _NO_CALLBACKS)
        try:
            with self._app.producer_or_acquire() as producer:
                producer.publish(
                    body,
                    routing_key=QUEUE,
                    serializer="json",
                    headers=headers,
                    correlation_id=ticket,
                    retry=False,
                )
        except (OperationalError, KombuError, redis.RedisError, OSError) as error:
            _LOG.warning("no ticket for %s, the sweeper will add one: %s", identity, error)
            return False
        return True

    def depth(self) -> int:
        """Return how many tickets wait.

        Raises:
            ConnectionError: The queue is away.
        """
        if self._redis is None:
            return sum(entry.name.endswith(f"{QUEUE}.msg") for entry in os.scandir(_there(self._folder)))
        try:
            return int(self._redis.llen(QUEUE))
        except redis.RedisError as error:
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        """Let go of every connection."""
        pools.reset()  # type: ignore[no-untyped-call]  # they belong to the process, not to the application
        self._app.close()
        if self._redis is not None:
            self._redis.close()

    def reachable(self) -> str:
        """Return why the queue cannot be used, or an empty text."""
        try:
            self.depth()
        except (ConnectionError, OSError) as error:
            return str(error)
        return ""


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
