"""Settings from the environment and from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import GraderError
from worker.settings import ServiceSettings


def test_defaults_serve_one_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = ServiceSettings.from_environment()
    assert settings.database == f"sqlite:///{tmp_path}/service.db"
    assert settings.redis_url == ""
    assert settings.instructor_password == settings.join_code == settings.session_key == ""


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@h/n\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert ServiceSettings.from_environment().database == "postgresql+psycopg://u:p@h/n"
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(GraderError, match="DATABASE_URL_FILE"):
        ServiceSettings.from_environment()


@pytest.mark.parametrize(
    ("name", "value"), [("GRADER_JOBS", "0"), ("GRADER_PORT", "http"), ("GRADER_LOG_FORMAT", "xml")]
)
def test_what_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(GraderError, match=name):
        ServiceSettings.from_environment()
