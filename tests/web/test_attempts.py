"""Earlier attempts: what differs between two, their files, and the form filled with one."""

from __future__ import annotations

import io
import random
import re
import time
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.conftest import Browser
from web.results.differences import compare

Browsers = Callable[[], Browser]
SLUG = "a4-oom-kill"
FOLDER_SLUG = "e1-base-environment"


def hand_in(browser: Browser, text: str, slug: str = SLUG, name: str = "answer.sh") -> str:
    """Submit and return the id."""
    reply = browser.send(f"/exercises/{slug}", **{f"text:{name}": text})
    assert reply.status_code == 303, reply.text
    return reply.headers["Location"].rpartition("/")[2]


def area(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_an_attempt_is_compared_with_the_one_before(browser: Browsers) -> None:
    ada = browser()
    ada.join("ada")
    first, second = hand_in(ada, "one\nboth\n"), hand_in(ada, "both\ntwo <b>\n")
    page = ada.get(f"/submissions/{second}/diff")
    assert "1 line added, 1 removed" in page
    assert '<span class="unseen">removed</span></td><td><code>one</code>' in page
    assert '<span class="unseen">added</span></td><td><code>two &lt;b&gt;</code>' in page
    assert "the starting files</a>" not in page
    assert "From the starting files" in ada.get(f"/submissions/{first}/diff")
    assert "Nothing: both" in ada.get(f"/submissions/{second}/diff?with={second}")
    assert "From the starting files" in ada.get(f"/submissions/{second}/diff?with=start")


def test_nobody_compares_or_uses_what_is_anothers(browser: Browsers) -> None:
    ada, eve = browser(), browser()
    ada.join("ada")
    eve.join("eve")
    hers, own = hand_in(ada, "secret words"), hand_in(eve, "mine")
    for path in (
        f"/submissions/{hers}/diff",
        f"/submissions/{own}/diff?with={hers}",
        f"/submissions/{hers}/diff?with={own}",
        f"/submissions/{hers}/files/answer.sh",
        f"/exercises/{SLUG}?from={hers}",
        f"/submissions/{own}/diff?with=nobody",
    ):
        assert "secret words" not in eve.get(path, 404)
    reply = eve.send(f"/exercises/{SLUG}", again="answer.sh", again_of=hers)
    assert reply.status_code == 404


def test_attempts_at_two_exercises_are_not_compared(browser: Browsers) -> None:
    ada = browser()
    ada.join("ada")
    one, other = hand_in(ada, "one"), hand_in(ada, "other", "a1-own-cgroup")
    ada.get(f"/submissions/{one}/diff?with={other}", 404)
    ada.get(f"/exercises/{SLUG}?from={other}", 404)


def test_the_form_is_filled_with_what_was_chosen(browser: Browsers) -> None:
    ada = browser()
    ada.join("ada")
    first, _ = hand_in(ada, "one\n"), hand_in(ada, "two\n")
    assert area(ada.get(f"/exercises/{SLUG}")) == "two\n"
    assert area(ada.get(f"/exercises/{SLUG}?from={first}")) == "one\n"
    assert area(ada.get(f"/exercises/{SLUG}?from=start")) == ":\n"


def test_files_of_a_folder_are_handed_in_again_where_that_is_wanted(browser: Browsers) -> None:
    ada = browser()
    ada.join("ada")
    reply = ada.send(
        f"/exercises/{FOLDER_SLUG}",
        **{
            "text:Dockerfile": "FROM a",
            "folder:files/": [(io.BytesIO(b"\0one"), "one.bin"), (io.BytesIO(b"two"), "files/two")],
        },
    )
    assert reply.status_code == 303, reply.text
    first = reply.headers["Location"].rpartition("/")[2]
    page = ada.get(f"/exercises/{FOLDER_SLUG}")
    assert 'name="again" value="files/one.bin" checked' in page
    assert f'name="again_of" value="{first}"' in page
    reply = ada.send(
        f"/exercises/{FOLDER_SLUG}",
        again=["files/one.bin", "files/nothing"],
        again_of=first,
        **{"text:Dockerfile": "FROM b"},
    )
    second = reply.headers["Location"].rpartition("/")[2]
    page = ada.get(f"/submissions/{second}/diff")
    assert "not there any more: 0 lines added, 1 removed" in page
    assert "1 file is the same in both" in page


def test_a_file_is_downloaded_and_never_shown(browser: Browsers, app: object) -> None:
    ada = browser()
    ada.join("ada")
    identity = hand_in(ada, "<script>alert(1)</script>\n")
    reply = ada.client.get(f"/submissions/{identity}/files/answer.sh")
    assert reply.data == b"<script>alert(1)</script>\n"
    assert reply.headers["Content-Disposition"] == "attachment; filename=answer.sh"
    assert reply.mimetype == "application/octet-stream"
    ada.get(f"/submissions/{identity}/files/other.sh", 404)
    ada.get(f"/submissions/{identity}/files/../../etc/passwd", 404)


def test_everybody_starts_with_values_of_their_own(browser: Browsers) -> None:
    tasks = []
    for name in ("ada", "eve"):
        one = browser()
        one.join(name)
        packed = one.client.get(f"/exercises/{FOLDER_SLUG}/start.zip").data
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            tasks.append(archive.read(f"{FOLDER_SLUG}/README.md").decode())
        assert f"{FOLDER_SLUG}/Dockerfile" in names
        assert f"{FOLDER_SLUG}/files/" in names
    assert tasks[0] != tasks[1]
    assert "{{" not in tasks[0]
    assert "/join" in browser().client.get(f"/exercises/{FOLDER_SLUG}/start.zip").headers["Location"]


@pytest.mark.parametrize("letters", [2, 40, 120, 400])
def test_differences_of_long_files_take_little_time_and_room(letters: int) -> None:
    source = random.Random(letters)
    old, new = ("\n".join(str(source.randrange(letters)) for _ in range(1_500)).encode() for _ in range(2))
    began = time.process_time()
    found = compare({"a": old}, {"a": new})
    assert time.process_time() - began < 2
    assert sum(len(hunk.lines) for hunk in found.files[0].hunks) <= 600


def test_what_cannot_be_compared_is_said() -> None:
    huge, data, empty = b"x\n" * 100_000, b"\0\1", b""
    found = compare(
        {"huge": huge, "data": data, "gone": b"a\r\n"}, {"huge": empty, "data": empty, "new": b"b"}
    )
    said = {file.name: file.said for file in found.files}
    assert said["huge"] == "too long to compare, or no text: 195.3 KiB before, 0 B after"
    assert said["data"] == "too long to compare, or no text: 2 B before, 0 B after"
    assert said["gone"] == "not there any more: 0 lines added, 1 removed"
    assert said["new"] == "new: 1 line added, 0 removed"
    assert compare({"a": b"a\r\n"}, {"a": b"a\n"}).files[0].said == "only line ends differ"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_two_files_are_compared(old: bytes, new: bytes) -> None:
    found = compare({"a": old}, {"a": new})
    assert len(found.files) == (old != new)
    for file in found.files:
        for hunk in file.hunks:
            assert all("\x1b" not in line.text and "\u202e" not in line.text for line in hunk.lines)
