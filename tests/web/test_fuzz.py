"""The HTTP API under whatever its own description allows, and what it forbids: never an error of ours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.answer import plain_name
from web.openapi import document
from web.services import Services

SLUG = "c3-layers"  # takes several files, some of them by any name


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SUBMISSION_RATE", "1000000/minute")
    monkeypatch.setenv("GRADER_JOIN_RATE", "1000000/minute")


OPERATIONS = [(path, method) for path, item in document()["paths"].items() for method in item]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda value: value)
def test_nothing_that_is_sent_is_an_error_of_ours(
    app: Flask, client: FlaskClient, path: str, method: str
) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", app)[path][method]
    token = _token(client)

    @settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

    run()


_TOKENS: dict[int, str] = {}


def _token(client: FlaskClient) -> str:
    """Return one participant's token for each application."""
    key = id(client)
    if key not in _TOKENS:
        reply = client.post("/api/v1/participants", json={"name": "fuzz", "join_code": "open-sesame"})
        _TOKENS[key] = reply.get_json()["token"]
    return _TOKENS[key]


def _kept(folder: Path) -> set[Path]:
    """Return what is kept below a folder, but for tickets, whose names are the queue's own."""
    return {path for path in folder.rglob("*") if "queues" not in path.relative_to(folder).parts}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    files=st.lists(
        st.tuples(
            st.one_of(
                st.text(min_size=1, max_size=30),
                st.sampled_from(
                    ["Dockerfile", "../Dockerfile", "/etc/passwd", "a/../../b", "a//b", "a\\b", "."]
                ),
            ),
            st.binary(max_size=200),
        ),
        max_size=4,
    )
)
def test_uploads_stay_in_their_place(
    files: list[tuple[str, bytes]], client: FlaskClient, services: Services, tmp_path: Path
) -> None:
    before = _kept(tmp_path)
    data = {"exercise": SLUG, "files": [(io.BytesIO(content), name) for name, content in files]}
    reply = client.post(
        "/api/v1/submissions",
        data=data,
        headers={"Authorization": f"Bearer {_token(client)}"},
        content_type="multipart/form-data",
    )
    assert reply.status_code in {202, 400, 404, 422}, reply.text
    if reply.status_code == 202:
        stored = services.store.submissions.files(reply.get_json()["id"])
        assert all(plain_name(name) for name in stored)
    assert _kept(tmp_path) - before <= {
        tmp_path / "state" / f"service.db{ending}" for ending in ("-wal", "-shm", "-journal")
    }
