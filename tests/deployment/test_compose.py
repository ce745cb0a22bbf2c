"""docker-compose.yml, started for real: rights, verdicts over HTTP, the death of a worker, no traces."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from grader.exercise import samples
from grader.exercise.catalogue import Catalogue
from grader.exercise.samples import Sample
from grader.model import Exercise
from grader.sandbox.identity import FIRST
from tests.deployment.conftest import PROJECT, ROOT, Service
from tests.deployment.engine import HostEngine

pytestmark = [pytest.mark.deployment, pytest.mark.slow, pytest.mark.timeout(3000)]

_RIGHTS = {
    *("SYS_ADMIN", "SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE", "SYS_PTRACE", "SYSLOG"),
    *("SYS_CHROOT", "FOWNER", "FSETID", "SETFCAP"),
}
_VERDICT_SECONDS = 120.0
_CATALOGUE = Catalogue([ROOT / "exercises"])


def _sample(slug: str, label: str) -> tuple[Exercise, Sample]:
    exercise = _CATALOGUE.get(slug)
    return exercise, next(sample for sample in samples.find(exercise) if sample.label == label)


class _Participant:
    """Somebody who joined over HTTP."""

    def __init__(self, service: Service, name: str) -> None:
        self._service = service
        self.name = name
        code = (service.secrets / "join_code").read_text().strip()
        joined = service.call("/api/v1/participants", {"name": name, "join_code": code})
        self._token = joined["token"]

    def submit(self, slug: str, label: str) -> str:
        """Submit a sample answer, the values of this participant filled in; return the submission's id."""
        exercise, sample = _sample(slug, label)
        values = self._service.call(f"/api/v1/exercises/{slug}", token=self._token)["parameters"]
        files = samples.submission(exercise, sample, self.name, values).files
        body = {"exercise": slug, "files": {name: content.decode() for name, content in files.items()}}
        return str(self._service.call("/api/v1/submissions", body, self._token)["id"])

    def state(self, identity: str) -> str:
        """Return how far a submission is."""
        return str(self._service.call(f"/api/v1/submissions/{identity}", token=self._token)["state"])

    def scoreboard(self) -> dict[str, Any]:
        """Look who has solved what."""
        found: dict[str, Any] = self._service.call("/api/v1/scoreboard", token=self._token)
        return found

    def verdict(self, identity: str, seconds: float = _VERDICT_SECONDS) -> dict[str, Any]:
        """Wait for the verdict of a submission."""
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self._service.call(
                f"/api/v1/submissions/{identity}?wait=20", token=self._token
            )
            if found["state"] not in {"queued", "running"}:
                return found
            assert time.monotonic() < deadline, found


def _eventually(there: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_only_workers_hold_rights_and_nobody_sees_an_engine(service: Service) -> None:
    """As the engine itself tells of its containers."""
    for name in ("web", "worker", "redis", "postgres"):
        (container,) = service.containers(name)
        host = container["HostConfig"]
        assert not host["Privileged"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["NetworkMode"] != "host"
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert container["State"]["Health"]["Status"] == "healthy"
        mounts = {mount["Source"] for mount in container["Mounts"]}
        assert not mounts & {"/", "/run", "/var/run"}
        assert not [source for source in mounts if source.endswith(".sock")]
        if name == "worker":
            assert {right.removeprefix("CAP_") for right in host["CapAdd"]} == _RIGHTS
            assert [device["PathOnHost"] for device in host["Devices"]] == ["/dev/kmsg"]
            assert host["CgroupnsMode"] == "private"
        else:
            assert not host["CapAdd"]
            assert not host["Devices"]
            assert not host["PidMode"]
            assert container["Config"]["User"] not in {"", "root", "0"}


def test_secrets_are_no_environment_variables(service: Service) -> None:
    """Whoever may look at a container's settings learns none."""
    kept = [file.read_text().strip() for file in service.secrets.iterdir()]
    for name in ("web", "worker", "redis", "postgres"):
        (container,) = service.containers(name)
        told = json.dumps(container["Config"])
        assert not [secret for secret in kept if secret in told]


def test_every_profile_is_available_in_a_worker(service: Service) -> None:
    found = json.loads(service.compose("exec", "-T", "worker", "grader", "doctor", "--json"))
    assert all(profile["available"] for profile in found["profiles"]), found
    assert len(found["profiles"]) == 4


def test_answers_get_their_verdicts(service: Service) -> None:
    """One of each profile, with OOM kills in and below the answer's group, right and faked ones."""
    ada = _Participant(service, "ada")
    given = {
        ("a4-oom-kill", "accepted/copy-of-tail"): "",
        ("a4-oom-kill", "rejected/no-kill/fake-status-137"): "no-kill",
        ("a6-nested-pids", _first("a6-nested-pids")): "",
        ("a1-own-cgroup", _first("a1-own-cgroup")): "",
        ("c3-layers", _first("c3-layers")): "",
    }
    waiting = {ada.submit(*answer): feedback for answer, feedback in given.items()}
    for identity, feedback in waiting.items():
        found = ada.verdict(identity)
        assert found["state"] == "graded", found
        failed = [check["feedback"]["name"] for check in found["report"]["checks"] if check["feedback"]]
        assert feedback in failed if feedback else found["score"] == found["max_score"], found


def _first(slug: str) -> str:
    return next(sample.label for sample in samples.find(_CATALOGUE.get(slug)) if sample.verdict == "accepted")


def test_three_workers_share_the_queue_and_one_may_die(service: Service) -> None:
    """What it graded is graded by others, its sandboxes end with it, and it is started again."""
    service.up("--scale", "worker=3", "worker")
    workers = service.containers("worker")
    assert len(workers) == 3
    people = [_Participant(service, f"participant-{number}") for number in range(6)]
    # They end by the clock: every worker is at two of them when one dies.
    slow = [(one, one.submit("a4-oom-kill", "rejected/first-process-failed/never-ends")) for one in people]
    quick = [(one, one.submit("a4-oom-kill", "accepted/copy-of-tail")) for one in people]
    _eventually(lambda: all(one.state(identity) == "running" for one, identity in slow))
    victim = workers[0]
    os.kill(victim["State"]["Pid"], signal.SIGKILL)
    began = time.monotonic()
    for one, identity in (*slow, *quick):
        found = one.verdict(identity)
        assert found["state"] == "graded", found
    assert time.monotonic() - began < _VERDICT_SECONDS
    assert all(one.verdict(identity)["score"] == 4 for one, identity in quick)

    def restarted() -> bool:
        state = next(one for one in service.containers("worker") if one["Id"] == victim["Id"])["State"]
        return bool(state["Health"]["Status"] == "healthy" and state["Pid"] != victim["State"]["Pid"])

    _eventually(restarted)


def _sandboxes(engine: HostEngine, container: dict[str, Any]) -> list[str]:
    """Return the control groups of a worker's sandboxes."""
    own = [group for group in engine.groups() if group.name == container["Id"]]
    return [entry.name for group in own for entry in (group / "grader").glob("*/")]


def test_a_stopped_worker_finishes_what_it_grades(service: Service) -> None:
    """Within its grace period, and hands nothing back."""
    service.up("--scale", "worker=1", "worker")
    eve = _Participant(service, "eve")
    identity = eve.submit("c3-layers", _first("c3-layers"))
    (worker,) = service.containers("worker")
    _eventually(lambda: eve.state(identity) != "queued")
    service.compose("stop", "worker")
    found = eve.verdict(identity, 5)
    assert (found["state"], found["attempt"]) == ("graded", 1), found
    assert not _sandboxes(service.engine, worker)


def test_a_backup_brings_everything_back(service: Service) -> None:
    """By the commands of the guide, on an empty database."""
    zoe = _Participant(service, "zoe")
    before = zoe.scoreboard()
    assert "ada" in {row["name"] for row in before["participants"]}
    dump = service.engine.data / "grader.dump"
    in_postgres = "docker compose exec -T postgres"
    shell = partial(service.engine.run, "sh", "-c", env=service.env, seconds=300.0)
    shell(f"{in_postgres} pg_dump --username grader --format custom grader >{dump}")
    service.compose("rm", "--stop", "--force", "web", "worker", "postgres")
    service.engine.run("docker", "volume", "rm", f"{PROJECT}_database")
    service.compose("up", "--detach", "--wait", "postgres")
    restore = f"{in_postgres} pg_restore --username grader --dbname grader --clean --if-exists <{dump}"
    shell(restore)
    service.up()
    assert zoe.scoreboard() == before
    dump.unlink()


def test_nothing_is_left_after_down(service: Service) -> None:
    """No container, volume, network, control group, process, attempt or claim."""
    engine = service.engine
    service.compose("down", "--volumes", "--timeout", "30")
    for kind in ("container", "volume", "network"):
        every = ("--all",) if kind == "container" else ()
        listed = engine.run("docker", kind, "ls", *every, "--quiet", "--filter", f"name={PROJECT}").stdout
        assert listed == ""
    assert engine.groups() == []
    left = engine.run("sh", "-c", "ls -A /run/grader/attempts /run/grader-ids").stdout.split()
    assert left == ["/run/grader-ids:", "/run/grader/attempts:"]
    assert not [pid for pid in _users_of_sandboxes() if _belongs_to(pid, engine)]


def _users_of_sandboxes() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid >= FIRST:
                found.append(int(entry.name))
        except FileNotFoundError:
            continue
    return found


def _belongs_to(pid: int, engine: HostEngine) -> bool:
    try:
        return engine.group in Path(f"/proc/{pid}/cgroup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
