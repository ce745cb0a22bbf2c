"""The service as docker-compose.yml describes it, built and started on an engine of its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import images
from grader.settings import Settings
from tests.deployment.engine import HostEngine, fetch_wheels, free_port, make_base

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "grader-under-test"
_PYTHON = "3.13"  # trixie's
_NEEDED = ("slirp4netns", "mmdebstrap")


@dataclass(frozen=True, slots=True)
class Service:
    """The running service.

    Attributes:
        url: Of its web page.
        secrets: Folder of its secrets.
    """

    engine: HostEngine
    url: str
    secrets: Path
    env: dict[str, str]

    def compose(self, *command: str, seconds: float = 300.0, check: bool = True) -> str:
        """Run a command of docker compose and return what it says."""
        return self.engine.run(
            "docker", "compose", *command, env=self.env, seconds=seconds, check=check
        ).stdout

    def up(self, *arguments: str) -> None:
        """Start what does not run, and wait for its health."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "300", *arguments, seconds=400)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return what the engine says about each container of a service."""
        ids = self.compose("ps", "--all", "--quiet", service).split()
        if not ids:
            return []
        found: list[dict[str, Any]] = json.loads(self.engine.run("docker", "inspect", *ids).stdout)
        return found

    def call(self, path: str, body: Any = None, token: str = "", seconds: float = 60.0) -> Any:
        """Call the HTTP API and return its JSON."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()[:500]}") from error


@pytest.fixture(scope="module")
def engine() -> Iterator[HostEngine]:
    """An engine whose images stay for the next run."""
    if os.geteuid():
        pytest.skip("needs root")
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    settings = Settings.from_environment()
    # Where the tests' other machine keeps its things, too: what lies there is not copied into it.
    data = settings.state_dir / "vm" / "deployment"
    data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_base(data / "base.tar")
        with HostEngine(settings, data, ROOT) as running:
            yield running


@pytest.fixture(scope="module")
def service(engine: HostEngine) -> Iterator[Service]:
    """Start everything and wait for its health, with images of nothing but Debian and Python packages."""
    running = describe(engine)
    try:
        build(running)
        make_secrets(running)
        bring_images(running)
        running.up()
        engine.publish(int(running.url.rpartition(":")[2]), 8080)
        yield running
    finally:
        logs = running.compose("logs", "--no-color", "--tail", "400", check=False)
        (engine.data / "service.log").write_text(logs)
        print(logs)  # noqa: T201  shown where something failed
        running.compose("down", "--volumes", "--timeout", "5", seconds=200, check=False)
        shutil.rmtree(running.secrets, ignore_errors=True)


def describe(engine: HostEngine) -> Service:
    """Return the service as this engine is going to run it."""
    secrets = engine.data / "secrets"
    env = {
        "COMPOSE_PROJECT_NAME": PROJECT,
        "GRADER_IMAGE": PROJECT,
        "POSTGRES_IMAGE": f"{PROJECT}-postgres",
        "REDIS_IMAGE": f"{PROJECT}-redis",
        "GRADER_SECRETS_DIR": str(secrets),
        "GRADER_PUBLISH": "0.0.0.0:8080",
        "GRADER_JOBS": "2",
        "GRADER_ENGINES": "1",
    }
    return Service(engine, f"http://127.0.0.1:{free_port()}", secrets, env)


def build(service: Service) -> None:
    """Build all images."""
    engine = service.engine
    wheels = str(_wheels(engine.data))
    env = service.env | {"BASE": _base(engine), "GRADER_WHEELS": wheels, "PIP_NO_INDEX": "1"}
    for name in ("postgres", "redis"):
        folder = f"tests/deployment/images/{name}"
        command = ("docker", "build", "--quiet", "--tag", env[f"{name.upper()}_IMAGE"], folder)
        engine.run(*command, "--build-arg", f"BASE={env['BASE']}", seconds=900)
    engine.run("docker", "compose", "build", env=env, seconds=1500)


def _base(engine: HostEngine) -> str:
    """Import the small Debian, once: images built on it stay valid as long as it does."""
    archive = engine.data / "base.tar"
    tag = f"{PROJECT}-base:{int(archive.stat().st_mtime)}"
    if engine.run("docker", "image", "inspect", tag, check=False).returncode:
        engine.run("docker", "import", str(archive), tag)
    return tag


def _wheels(data: Path) -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"]
    digest = hashlib.sha256("\n".join(needed).encode()).hexdigest()[:12]
    folder = data / f"wheels-{digest}"
    fetch_wheels(folder, _PYTHON, needed)
    return folder


def make_secrets(service: Service) -> None:
    """Begin anew: without volumes, with other secrets."""
    service.compose("down", "--volumes", "--remove-orphans", check=False)
    shutil.rmtree(service.secrets, ignore_errors=True)
    script = str(ROOT / "deploy/make-secrets.sh")
    subprocess.run([script], env=os.environ | service.env, check=True, timeout=30)


def bring_images(service: Service) -> None:
    """Give the workers the root file systems that were made on this machine: making them takes minutes."""
    settings = Settings.from_environment()
    assert images.golden(settings)
    volume = f"{PROJECT}_state"
    labels = (f"com.docker.compose.project={PROJECT}", "com.docker.compose.volume=state")
    labelled = [part for label in labels for part in ("--label", label)]
    service.engine.run("docker", "volume", "create", *labelled, volume)
    target = service.engine.data / "docker/volumes" / volume / "_data/images"
    source = settings.state_dir / "images"
    subprocess.run(["cp", "--archive", str(source), str(target)], check=True, timeout=300)
