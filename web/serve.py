"""The command `grader serve`: web server and worker in one, watched over until somebody stops them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

import click

from grader.cli.context import EXIT_INFRASTRUCTURE, EXIT_INTERRUPTED, Context, common_options, pass_context
from grader.report import json
from worker.importing import import_results
from worker.settings import ServiceSettings
from worker.store import FirstStart, Store

_READY_SECONDS: Final = 60.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_STEADY_SECONDS: Final = 30.0  # who ran for so long is started again at once
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class _Part:
    """A process of the service."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    again_at: float = field(default=0.0)


@click.command(epilog="Example: grader serve --port 8080 --results report.json --evidence bundles")
@common_options
@click.option("--host", help="Address to listen on.  [default: GRADER_HOST or 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: GRADER_PORT or 8080]")
@click.option("--jobs", type=click.IntRange(1, 256), help="Submissions graded at the same time.")
@click.option(
    "--results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Reports of `grader batch --json`, to be shown on the scoreboard.",
)
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the evidence bundles of those reports.",
)
@pass_context
def serve(
    context: Context,
    host: str | None,
    port: int | None,
    jobs: int | None,
    results: Path | None,
    evidence: Path | None,
) -> int:
    """Serve the web page and grade what is submitted, all on this machine.

    Without REDIS_URL and DATABASE_URL, an embedded broker and an SQLite file in the state directory are
    used. Ctrl+C finishes what is being graded; a second one hands it back to the queue.
    """
    given = {"GRADER_HOST": host, "GRADER_PORT": port, "GRADER_JOBS": jobs}
    settings = ServiceSettings.from_environment(
        **{name: value for name, value in given.items() if value is not None}
    )
    store = Store.open(settings)
    try:
        first = store.first_start(settings)
        workshop = next(iter(store.workshops.open()), None)
        if results is not None and workshop is not None:
            found = json.from_batch_document(results.read_bytes())
            added = import_results(store, workshop.id, found, evidence)
            click.echo(f"{len(found)} results of {results} are on the scoreboard, {added} new", err=True)
    finally:
        store.close()
    environment = os.environ | {
        "GRADER_HOST": settings.host,
        "GRADER_PORT": str(settings.port),
        "GRADER_JOBS": str(settings.jobs),
    }
    folders = [str(path) for path in context.more_exercises]
    if folders:
        before = environment.get("GRADER_EXERCISES", "")
        environment["GRADER_EXERCISES"] = os.pathsep.join([*folders, *filter(None, [before])])
    return _Supervisor(settings, environment).run(workshop.join_code if workshop else "", first)


class _Supervisor:
    """Starts both processes, starts them again when they end, and stops them at a signal."""

    def __init__(self, settings: ServiceSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._signals: list[int] = []
        self._wake = threading.Event()
        self._parts = [
            _Part("web", _web_command(settings)),
            _Part("worker", [sys.executable, "-m", "worker"]),
        ]

    def run(self, join_code: str, first: FirstStart | None) -> int:
        """Serve until a signal comes; return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        for part in self._parts:
            self._start(part)
        url = f"http://{self._settings.host}:{self._settings.port}"
        if not self._answers(url):
            self._stop()
            if self._signals:
                return EXIT_INTERRUPTED if self._signals[0] == signal.SIGINT else 0
            click.echo("the web server did not start; its message stands above", err=True)
            return EXIT_INFRASTRUCTURE
        click.echo(f"serving on {url}", err=True)
        if join_code:
            click.echo(f"participants join at {url}/join with the code {join_code}", err=True)
        if first is not None and first.password:
            click.echo(
                f"instructors sign in at {url}/sign-in as instructor with the password {first.password}\n"
                "(it is shown this once; GRADER_INSTRUCTOR_PASSWORD sets one at the first start)",
                err=True,
            )
        while not self._signals:
            self._wake.wait(0.5)
            self._look_after()
        self._stop()
        return EXIT_INTERRUPTED if self._signals[0] == signal.SIGINT else 0

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._signals.append(number)
        self._wake.set()

    def _start(self, part: _Part) -> None:
        part.process = subprocess.Popen(
            part.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C in a terminal reaches only us
            preexec_fn=_die_with_parent,
        )
        part.started = time.monotonic()

    def _look_after(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            if part.process is not None and part.process.poll() is not None:
                steady = now - part.started > _STEADY_SECONDS
                part.pause = _FIRST_PAUSE if steady else min(2 * part.pause, _LONGEST_PAUSE)
                part.again_at = now + part.pause
                click.echo(
                    f"the {part.name} ended with {part.process.returncode}; it is started again in "
                    f"{part.pause:g} s",
                    err=True,
                )
                part.process = None
            elif part.process is None and now >= part.again_at:
                self._start(part)

    def _answers(self, url: str) -> bool:
        end = time.monotonic() + _READY_SECONDS
        web = self._parts[0].process
        while time.monotonic() < end and not self._signals and web is not None and web.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310  our own address
                    return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        return False

    def _stop(self) -> None:
        """Stop web first, so that nothing new comes in; then let the worker finish."""
        running = [part.process for part in self._parts if part.process is not None]
        click.echo("stopping: what is being graded is finished; once more hands it back", err=True)
        for process in running:
            process.send_signal(signal.SIGTERM)
        end = time.monotonic() + self._settings.drain_seconds + 10
        hurried = False
        while any(process.poll() is None for process in running):
            if not hurried and (len(self._signals) > 1 or time.monotonic() > end):
                hurried = True
                end = time.monotonic() + 10
                for process in running:
                    process.send_signal(signal.SIGQUIT)
            elif hurried and time.monotonic() > end:
                for process in running:
                    process.kill()
            time.sleep(0.05)


def _web_command(settings: ServiceSettings) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "web.app:from_environment()"),
        *("--bind", f"{settings.host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(settings.threads)),
        *("--graceful-timeout", "5", "--timeout", "60", "--keep-alive", "5"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
