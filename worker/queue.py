"""The queue: a Celery application for Redis, or for the embedded broker."""

from __future__ import annotations

from typing import Any, Final

from celery import Celery

from worker import embedded
from worker.settings import ServiceSettings

QUEUE: Final = "tickets"
TASK: Final = "grader.grade"


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
