"""The doctor: what works here is proven by running it, what does not comes with a reason and a remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.model import Profile
from grader.sandbox import doctor, runtime
from grader.sandbox.sandbox import Host
from grader.settings import Settings

pytestmark = pytest.mark.sandbox
PROFILES = [Profile.PLAIN, Profile.NAMESPACES, Profile.CGROUPS, Profile.DOCKER]


@pytest.mark.engine
def test_every_profile_is_available_here(host: Host) -> None:
    """Under either runtime, each proven by a run that took some time."""
    diagnosis = doctor.examine(host.settings)
    assert [found.profile for found in diagnosis.profiles] == PROFILES
    assert diagnosis.healthy, diagnosis
    assert all(found.trial_ms > 1 for found in diagnosis.profiles)
    named = {finding.name: finding for finding in diagnosis.findings}
    assert host.runtime.version in named["runtime"].value
    assert named["runtime"].value.startswith(host.runtime.name)
    assert all(finding.ok for finding in diagnosis.findings if finding.name != "/dev/null"), named


def test_without_images_no_profile_is_available(settings: Settings, tmp_path: Path) -> None:
    """Each names what was not built and how to build it."""
    empty = Settings(state_dir=tmp_path, run_dir=settings.run_dir)
    diagnosis = doctor.examine(empty)
    assert not diagnosis.healthy
    for found in diagnosis.profiles:
        assert not found.available
        assert found.reason
        assert "images" in found.mend
    images = next(finding for finding in diagnosis.findings if finding.name == "images")
    assert not images.ok
    assert "images" in images.mend


def test_without_a_runtime_no_profile_is_available(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which, and what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    runtime.find.cache_clear()
    try:
        diagnosis = doctor.examine(settings)
    finally:
        runtime.find.cache_clear()
    assert {found.reason for found in diagnosis.profiles} == {"crun or runc is not installed"}
    assert {found.mend for found in diagnosis.profiles} == {"apt-get install crun"}
    assert not next(finding for finding in diagnosis.findings if finding.name == "runtime").ok


def test_without_root_no_profile_is_available(settings: Settings) -> None:
    """It does not try, and says how to."""
    code = (
        "from grader.sandbox import doctor; from grader.settings import Settings\n"
        "found = doctor.examine(Settings())\n"
        "for one in found.profiles: print(one.profile, one.available, one.reason, '|', one.mend)\n"
        "print([f.ok for f in found.findings if f.name == 'rights'])"
    )
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and ("ermission denied" in done.stderr or "No module" in done.stderr):
        pytest.skip("nobody cannot read this Python installation")
    assert done.returncode == 0, done.stderr
    *profiles, rights = done.stdout.splitlines()
    assert len(profiles) == 4
    assert all(" False sandboxes need root | sudo" in line for line in profiles), profiles
    assert rights == "[False]"


def test_a_spoiled_null_device_is_found(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Who owns /dev/null can take it away from everybody."""
    import os

    real = os.stat
    spoiled = os.stat_result((0o020600, 0, 0, 1, 200_000, 200_000, 0, 0, 0, 0))
    monkeypatch.setattr(
        doctor.os, "stat", lambda path, *a, **k: spoiled if path == "/dev/null" else real(path, *a, **k)
    )
    finding = doctor._null_device(settings)
    assert not finding.ok
    assert "200000" in finding.value
    assert "chown root:root /dev/null" in finding.mend
