"""Tokens are kept by server, for their owner's eyes only; answers on their way keep their key."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from grader.client import credentials
from grader.client.credentials import Login
from grader.client.pending import Pending
from grader.errors import GraderError

ONE = Login("http://one", "ada", "token-1")
TWO = Login("http://two", "", "token-2")


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_only_the_owner_can_read_them(home: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        place = credentials.keep(ONE)
    finally:
        os.umask(before)
    assert place == home / "config/container-grader/credentials.json"
    assert stat.S_IMODE(place.stat().st_mode) & 0o177 == 0
    assert stat.S_IMODE(place.parent.stat().st_mode) & 0o077 == 0
    assert list(place.parent.iterdir()) == [place]


def test_they_are_kept_by_server(home: Path) -> None:
    assert credentials.last_server() is None
    assert credentials.find(ONE.server) is None
    credentials.keep(ONE)
    credentials.keep(TWO)
    assert credentials.last_server() == TWO.server
    assert [credentials.find(login.server) for login in (ONE, TWO)] == [ONE, TWO]


def test_a_file_that_others_can_read_is_refused(home: Path) -> None:
    credentials.keep(ONE).chmod(0o640)
    with pytest.raises(GraderError, match="others can read your tokens; mend it by: chmod 600"):
        credentials.find(ONE.server)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"last": "", "servers": {"a": {"name": "", "token": "a b"}}}']
)
def test_a_damaged_file_is_named(home: Path, content: bytes) -> None:
    credentials.keep(ONE).write_bytes(content)
    with pytest.raises(GraderError, match=r"credentials\.json is damaged"):
        credentials.find(ONE.server)


def test_a_home_that_cannot_be_written_is_named(home: Path) -> None:
    (home / "config").write_text("a file")
    with pytest.raises(GraderError, match=r"config/container-grader/credentials\.json: "):
        credentials.keep(ONE)


def test_base_directories_that_are_relative_do_not_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("HOME", str(home))
    assert credentials.place() == home / ".config/container-grader/credentials.json"


def test_an_answer_keeps_its_key_until_its_verdict_was_seen(home: Path) -> None:
    files = {"answer.sh": b"exit 0\n"}
    first = Pending(ONE, "a", files).key()
    assert Pending(ONE, "a", files).key() == first
    others = (Pending(TWO, "a", files), Pending(ONE, "b", files), Pending(ONE, "a", {"answer.sh": b""}))
    assert len({first, *(other.key() for other in others)}) == 4
    Pending(ONE, "a", files).forget()
    assert Pending(ONE, "a", files).key() != first


def test_a_key_is_not_kept_for_ever(home: Path) -> None:
    pending = Pending(ONE, "a", {})
    first = pending.key()
    (place,) = (home / "state/container-grader/pending").iterdir()
    os.utime(place, (0, time.time() - 25 * 3600))
    second = pending.key()
    assert second != first
    place.write_text("\x1b damaged")
    assert pending.key() not in {first, second}
