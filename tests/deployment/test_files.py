"""What docker-compose.yml says agrees with what is written about it."""

from __future__ import annotations

import re

from tests.deployment.conftest import ROOT
from worker.settings import ServiceSettings

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)([sm]?)", text).groups()  # type: ignore[union-attr]
    return float(number) * (60 if unit == "m" else 1)


def test_every_right_is_explained() -> None:
    rights = re.findall(r"^      - ([A-Z_]+)\b", COMPOSE, re.MULTILINE)
    assert len(rights) > 5
    table = GUIDE.partition("## Rights of the worker")[2]
    assert [right for right in rights if not re.search(rf"\b{right}\b", table)] == []


def test_every_variable_is_described() -> None:
    """In the example, or in the reference of the service's settings."""
    described = (ROOT / ".env.example").read_text() + (ROOT / "docs/settings.md").read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    assert [name for name in sorted(used) if not re.search(rf"\b{name}\b", described)] == []


def test_a_worker_may_drain_before_it_is_killed() -> None:
    grace = re.search(r"GRADER_STOP_GRACE:-(\w+)", COMPOSE)
    drain = re.search(r"GRADER_DRAIN_SECONDS:-(\w+)", COMPOSE)
    assert grace is not None
    assert drain is not None
    assert _seconds(grace[1]) > _seconds(drain[1]) + 10
    assert _seconds(drain[1]) == ServiceSettings.model_fields["drain_seconds"].default


def test_secrets_are_made_for_every_use() -> None:
    """Each file that the services read comes from the script."""
    script = (ROOT / "deploy/make-secrets.sh").read_text()
    made = set(re.findall(r"^keep (\w+)", script, re.MULTILINE))
    read = set(re.findall(r"GRADER_SECRETS_DIR:-./deploy/secrets\}/(\w+)", COMPOSE))
    assert read <= made


def test_no_service_is_given_an_engine() -> None:
    assert "docker.sock" not in COMPOSE
    assert "privileged" not in COMPOSE
