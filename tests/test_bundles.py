"""Bundles are found under the digest of what they hold, and tell when somebody changed it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from grader import bundles
from grader.errors import BundleError
from grader.evidence import digest, from_json, to_json
from grader.exercise import load
from grader.model import Timing
from tests.literals import evidence_of, write_exercise

TIMING = Timing(1.0, 12.5, 0.75, 14.25)


@pytest.fixture
def evidence(tmp_path: Path) -> bytes:
    return to_json(evidence_of(load(write_exercise(tmp_path)), stdout="ü\n"))


def test_comes_back_as_it_was_stored(tmp_path: Path, evidence: bytes) -> None:
    path = bundles.store(tmp_path / "kept", evidence, TIMING)
    assert path.name == f"sha256-{digest(evidence).removeprefix('sha256:')}.json"
    found = bundles.read(str(path))
    assert (found.evidence, found.timing, found.address) == (from_json(evidence), TIMING, digest(evidence))
    table = msgspec.json.decode(path.read_bytes())
    assert list(table) == ["schema", "evidence", "timing", "digest"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_storing_twice_keeps_one(tmp_path: Path, evidence: bytes) -> None:
    assert bundles.store(tmp_path / "kept", evidence, TIMING) == bundles.store(
        tmp_path / "kept", evidence, Timing()
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda data: data.replace(b'"exit_code":7', b'"exit_code":8'), "changed after it was stored"),
        (lambda data: data.replace(b'{"exercise', b'{ "exercise'), "changed after it was stored"),
        (lambda data: data[:-20], "not an evidence bundle"),
        (lambda data: data.replace(b'"schema":1,"ev', b'"schema":2,"ev'), "of schema 2"),
        (lambda data: b"", "not an evidence bundle"),
        (lambda data: b"[" * 100_000, "not an evidence bundle"),
        (lambda data: b"\xff\xfe", "not an evidence bundle"),
    ],
)
def test_tells_what_was_tampered_with(tmp_path: Path, evidence: bytes, change, cause: str) -> None:  # type: ignore[no-untyped-def]
    path = bundles.store(tmp_path / "kept", evidence, TIMING)
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(BundleError, match=cause) as raised:
        bundles.read(str(path))
    assert str(path) in str(raised.value)


def test_evidence_under_another_name_is_refused(tmp_path: Path, evidence: bytes) -> None:
    path = bundles.store(tmp_path / "kept", evidence, TIMING)
    forged = path.with_name(f"sha256-{'0' * 64}.json")
    path.rename(forged)
    with pytest.raises(BundleError, match="other evidence than its name says"):
        bundles.read(str(forged))
    assert bundles.read(str(forged.rename(tmp_path / "mine.json"))).timing == TIMING


def test_evidence_of_another_schema_is_refused(tmp_path: Path, evidence: bytes) -> None:
    table = msgspec.json.decode(evidence)
    newer = msgspec.json.encode({**table, "schema": 9}, order="deterministic")
    with pytest.raises(BundleError, match="evidence of schema 9"):
        bundles.decode(bundles.encode(newer, TIMING))


def test_finds_files_and_folders(tmp_path: Path, evidence: bytes) -> None:
    path = bundles.store(tmp_path / "kept", evidence, TIMING)
    (path.parent / "notes.txt").write_text("not a bundle")
    assert list(bundles.find([path, path.parent])) == [str(path), str(path)]
    with pytest.raises(BundleError, match="no such file"):
        list(bundles.find([tmp_path / "nowhere"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="no bundle"):
        list(bundles.find([tmp_path / "empty"]))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("before")
    with pytest.raises(TypeError):
        bundles.write(target, "no bytes")  # type: ignore[arg-type]
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
