"""Measures the service over HTTP: submit to verdict, throughput, storing, a class with a deadline."""

from __future__ import annotations

import shutil
import threading
import time

from bench import open_pages
from bench.bench import Bench, milliseconds, rest
from bench.figures import Measured, Row, Samples, ratio
from bench.parallel import paced, rate
from bench.served import Client, Service, bare_application, drain, redis
from bench.workshop import PLAIN, SCRIPT
from grader.errors import SandboxError

NAME = "service"
SHARE_OF_DOCKER = 0.08
P95_SHARE_OF_DOCKER = 0.15
TIMES_DOCKER = 8.0
SHARE_OF_BARE = 0.4
STEADY_RATE = 200.0
P99_MS = 150.0
IDLE_SHARE = 0.01
MEMORY_GROWTH = 1.25

_CLASS = 300


def measure(bench: Bench) -> Measured:
    """Measure with the embedded broker and, where it is installed, with Redis."""
    rows: list[Row] = []
    samples: dict[str, Samples] = {}
    for broker in ("embedded broker", *(["Redis"] if shutil.which("redis-server") else [])):
        bench.say(f"measuring the service with {broker}")
        with redis(bench.folder, broker) as url:
            service = Service(bench, bench.folder / broker.split()[0], url)
            try:
                service.ready()
                _measure(bench, service, broker, rows, samples)
            finally:
                service.stop()
    return Measured(NAME, tuple(rows), samples)


def _measure(
    bench: Bench, service: Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    client = Client(service.port)
    client.join("bench")
    for _ in range(5):
        client.verdict(client.submit())
    docker, graded = [], []
    for _ in range(bench.times(60)):
        docker.append(milliseconds(lambda: bench.yardstick.run(SCRIPT)))
        graded.append(milliseconds(lambda: client.verdict(client.submit())))
    by_docker, by_service = Samples("ms", tuple(docker)), Samples("ms", tuple(graded))
    detail = f"{by_service.p50:.1f} ms of {by_docker.p50:.0f} ms"
    title = f"plain answer, HTTP submit to verdict, {broker}"
    share, tail = ratio(by_service, by_docker), by_service.p95 / by_docker.p50
    rows.append(Row(f"{title}, of `docker run`", share, "at most", SHARE_OF_DOCKER, "", detail))
    detail = f"p95 {by_service.p95:.1f} ms"
    rows.append(Row(f"{title}, p95 of `docker run`", tail, "at most", P95_SHARE_OF_DOCKER, "", detail))
    samples |= {f"docker run ({broker})": by_docker, title: by_service}
    _throughput(bench, service, broker, rows, samples)
    _storing(bench, service, broker, rows, samples)
    open_pages.measure(bench, service, broker, rows, samples)
    _idle(bench, service, broker, rows)
    _class_with_a_deadline(bench, service, broker, rows, samples)


def _throughput(
    bench: Bench, service: Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Submit from many at once, and compare with many `docker run` at once."""
    clients = [Client(service.port) for _ in range(16)]
    for number, client in enumerate(clients):
        client.join(f"throughput {number}")
    ours, theirs = [], []
    for _ in range(bench.times(8) // 2 or 1):
        rest()
        theirs.append(rate(lambda _: bench.yardstick.run(SCRIPT), range(bench.times(40)), 4))
        waiting = threading.local()
        spare = list(clients)

        def one(_: int, waiting: threading.local = waiting, spare: list[Client] = spare) -> None:
            if not hasattr(waiting, "client"):
                waiting.client = spare.pop()
            waiting.client.verdict(waiting.client.submit())

        rest()
        ours.append(rate(one, range(bench.times(400)), len(clients)))
    by_us, by_docker = Samples("1/s", tuple(ours)), Samples("1/s", tuple(theirs))
    rows.append(
        Row(
            f"sustained over HTTP, {broker}, times `docker run`",
            by_us.p50 / by_docker.p50,
            "at least",
            TIMES_DOCKER,
            "",
            f"{by_us.p50:.0f}/s and {by_docker.p50:.1f}/s",
        )
    )
    samples |= {f"sustained over HTTP, {broker}": by_us, f"sustained by docker run ({broker})": by_docker}


def _storing(
    bench: Bench, service: Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Compare POST of a submission with the least that Flask can do; the worker stands still meanwhile.

    Then let it work, and see how long a request takes beside it.
    """
    folder = bench.folder / f"bare-{broker.split()[0]}"
    clients = [Client(service.port) for _ in range(8)]
    for number, client in enumerate(clients):
        client.join(f"storing {number}")
    body = {"exercise": PLAIN, "files": {"answer.sh": SCRIPT}}
    ours, theirs = [], []
    with bare_application(folder) as port:
        for _ in range(bench.times(8) // 2 or 1):
            rest()
            theirs.append(_posts([Client(port) for _ in range(8)], "/", body, bench.times(1600)))
            rest()
            with service.worker_stopped():
                ours.append(_posts(clients, "/api/v1/submissions", body, bench.times(800)))
            drain(service)
    by_us, by_bare = Samples("1/s", tuple(ours)), Samples("1/s", tuple(theirs))
    rows.append(
        Row(
            f"POST of a submission, {broker}, of a bare endpoint",
            by_us.p50 / by_bare.p50,
            "at least",
            SHARE_OF_BARE,
            "",
            f"{by_us.p50:.0f}/s and {by_bare.p50:.0f}/s",
        )
    )
    samples |= {f"POST, {broker}": by_us, f"bare POST ({broker})": by_bare}
    _posting_beside_the_worker(bench, service, clients, broker, rows, samples)


def _posting_beside_the_worker(
    bench: Bench,
    service: Service,
    clients: list[Client],
    broker: str,
    rows: list[Row],
    samples: dict[str, Samples],
) -> None:
    """Send submissions at a steady rate, whatever became of earlier ones, while the worker works."""
    count = bench.times(1000)
    by_post = paced(Client.submit, clients, count, STEADY_RATE)
    rows.append(
        Row(
            f"POST at {STEADY_RATE:.0f} per second beside the worker, {broker}, p99",
            by_post.p99,
            "at most",
            P99_MS,
            "ms",
            f"p50 {by_post.p50:.1f} ms, {len(by_post.values)} of {count} answered",
        )
    )
    samples[f"POST at {STEADY_RATE:.0f}/s, {broker}"] = by_post
    drain(service)


def _posts(clients: list[Client], path: str, body: object, count: int) -> float:
    spare = list(clients)
    mine = threading.local()

    def one(_: int) -> None:
        if not hasattr(mine, "client"):
            mine.client = spare.pop()
        mine.client.call("POST", path, body)

    return rate(one, range(count), len(clients))


def _idle(bench: Bench, service: Service, broker: str, rows: list[Row]) -> None:
    seconds = 4.0 if bench.quick else 20.0
    time.sleep(2)
    before = service.processor_seconds()
    time.sleep(seconds)
    used = (service.processor_seconds() - before) / seconds
    rows.append(Row(f"idle service, {broker}, of a processor", used, "at most", IDLE_SHARE, "", ""))


def _class_with_a_deadline(
    bench: Bench, service: Service, broker: str, rows: list[Row], samples: dict[str, Samples]
) -> None:
    """Three hundred submit at once, after one of them has sent a hundred."""
    count = bench.times(_CLASS)
    greedy = Client(service.port)
    greedy.join("greedy")
    modest = [Client(service.port) for _ in range(count)]
    for number, client in enumerate(modest):
        client.join(f"modest {number}")
        client.connection = None  # a class does not keep three hundred connections open
    before = service.memory_bytes()
    flood = [greedy.submit() for _ in range(count // 3)]
    waits: list[float] = []
    lock = threading.Lock()

    def one(client: Client) -> None:
        began = time.perf_counter()
        identity = client.submit()
        found = client.verdict(identity)
        taken = time.perf_counter() - began
        with lock:
            waits.append(taken * 1000)
        client.connection = None
        if found["attempt"] != 1:
            raise SandboxError("a submission was graded twice")

    per_second = rate(one, modest, 40)
    for identity in flood:
        greedy.verdict(identity)
    after = service.memory_bytes()
    by_wait = Samples("ms", tuple(waits))
    rows.append(
        Row(
            f"memory after {count} submissions at once, {broker}, of before",
            after / before,
            "at most",
            MEMORY_GROWTH,
            "",
            f"{after >> 20} MiB; {per_second:.0f}/s; wait p50 {by_wait.p50:.0f}, p95 {by_wait.p95:.0f} ms",
        )
    )
    samples[f"wait of a class, {broker}"] = by_wait
