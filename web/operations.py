"""For those who run the service: health, readiness, metrics, and the description of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from web.openapi import document
from web.reply import json_response
from web.services import Services, services
from worker.counters import BOUNDS, PHASES, from_json
from worker.staff import Seen

blueprint = Blueprint("operations", __name__)

_STATES: Final = ("working", "draining", "paused", "stopped")


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that this process answers."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say whether submissions can be taken and graded: database, queue and workers."""
    found = services()
    problems = {"database": found.store.database.reachable(), "queue": found.tickets.reachable()}
    if not problems["database"]:
        workers = found.store.staff.all()
        able = [seen for seen in workers if seen.alive and seen.heartbeat.state == "working"]
        paused = [seen.heartbeat.reason for seen in workers if seen.alive and seen.heartbeat.reason]
        problems["workers"] = "" if able else "; ".join(paused) or "no worker is heard of"
    ready = not any(problems.values())
    checks = {name: problem or "ok" for name, problem in problems.items()}
    return json_response({"status": "ready" if ready else "not ready", **checks}, 200 if ready else 503)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Describe the HTTP API."""
    return json_response(document())


@blueprint.get("/metrics")
def metrics() -> Response:
    """Give metrics to Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Collector(services()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collector(Collector):
    """Metrics of the whole service, from the database: any web process gives the same."""

    def __init__(self, found: Services) -> None:
        self._store = found.store

    def collect(self) -> Iterable[Metric]:
        """Yield every metric as it is now."""
        queue = self._store.submissions.queue()
        yield GaugeMetricFamily("grader_queue_waiting", "Submissions that wait.", queue.waiting)
        yield GaugeMetricFamily("grader_queue_running", "Submissions that are graded now.", queue.running)
        yield GaugeMetricFamily(
            "grader_queue_oldest_seconds", "Age of the oldest that waits.", queue.oldest_seconds
        )
        runs = self._store.claims.runs()
        yield GaugeMetricFamily("grader_runs_waiting", "Verdicts to be run again for regrades.", runs.waiting)
        yield GaugeMetricFamily("grader_runs_running", "Verdicts that are run again now.", runs.running)
        states = GaugeMetricFamily("grader_submissions", "Submissions by state.", labels=["state"])
        for state, count in self._store.submissions.count().items():
            states.add_metric([state.value], count)
        yield states
        workers = self._store.staff.all()
        yield from _workers(workers)
        yield from _counters(workers)


def _workers(workers: list[Seen]) -> Iterable[Metric]:
    state = GaugeMetricFamily("grader_worker_state", "1 for the state it is in.", labels=["worker", "state"])
    engines = GaugeMetricFamily("grader_ready_engines", "Engines that wait for an answer.", labels=["worker"])
    silent = GaugeMetricFamily("grader_worker_silent_seconds", "Since the last heartbeat.", labels=["worker"])
    for seen in workers:
        name = seen.heartbeat.name
        for known in _STATES:
            state.add_metric([name, known], float(seen.heartbeat.state == known))
        engines.add_metric([name], seen.heartbeat.ready_engines)
        silent.add_metric([name], seen.silent_seconds)
    yield from (state, engines, silent)


def _counters(workers: list[Seen]) -> Iterable[Metric]:
    verdicts = CounterMetricFamily("grader_verdicts", "Verdicts.", labels=["worker", "outcome"])
    retried = CounterMetricFamily("grader_retried", "Attempts that the machine failed.", labels=["worker"])
    late = CounterMetricFamily("grader_late", "Verdicts that came too late.", labels=["worker"])
    phases = HistogramMetricFamily(
        "grader_phase_seconds", "Where the time of a submission goes.", labels=["worker", "phase"]
    )
    for seen in workers:
        name = seen.heartbeat.name
        counters = from_json(seen.heartbeat.counters)
        for outcome, count in counters.verdicts.items():
            verdicts.add_metric([name, outcome], count)
        retried.add_metric([name], counters.retried)
        late.add_metric([name], counters.late)
        for phase in PHASES:
            histogram = counters.phases[phase]
            total = 0
            buckets = []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), histogram.counts, strict=True):
                total += count
                buckets.append((bound, float(total)))
            phases.add_metric([name, phase], buckets, histogram.total_seconds)
    yield from (verdicts, retried, late, phases)
