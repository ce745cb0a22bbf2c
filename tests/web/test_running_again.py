"""Running again in a real browser, with a real worker: looked at as it comes, then applied or discarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.literals import CHECKS, write_exercise
from tests.web.browsing import PHONE, no_wider_than_the_screen
from tests.web.serving import JOIN_CODE, Serving
from tests.web.test_accessibility import faults

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

PASSWORD = "of the tests"
SLOWLY = "sleep 2\nexit 8\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exercise that wants status 7."""
    found = tmp_path_factory.mktemp("more")
    write_exercise(found)
    return found


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Serving]:
    """A service whose worker grades one answer at a time."""
    found = Serving(tmp_path_factory.mktemp("serving"), GRADER_JOBS="1", GRADER_INSTRUCTOR_PASSWORD=PASSWORD)
    found.start("--exercises", str(folder))
    yield found
    found.end()


class Participant:
    """Somebody who hands in by the API."""

    def __init__(self, page: Page, name: str) -> None:
        self._request = page.request
        joined = self._request.post("/api/v1/participants", data={"name": name, "join_code": JOIN_CODE})
        self._bearer = {"Authorization": f"Bearer {joined.json()['token']}"}
        self.place = ""

    def answer(self, text: str) -> None:
        """Hand in, and wait for the verdict."""
        sent = {"exercise": "status", "files": {"answer.sh": text}}
        reply = self._request.post("/api/v1/submissions", data=sent, headers=self._bearer)
        self.place = reply.headers["location"]
        assert self.verdict("?wait=60")["state"] == "graded"

    def verdict(self, query: str = "") -> dict[str, Any]:
        """Return what became of the answer."""
        found: dict[str, Any] = self._request.get(f"{self.place}{query}", headers=self._bearer).json()
        return found


def run_again(teacher: Page, which: str) -> None:
    """Sign in and have answers run again."""
    teacher.goto("/sign-in")
    teacher.get_by_label("Password").fill(PASSWORD)
    teacher.get_by_role("button", name="Sign in").click()
    teacher.get_by_role("link", name="Regrade").click()
    no_wider_than_the_screen(teacher)
    section = teacher.get_by_role("region", name="Run again")
    section.get_by_label("Which").select_option(which)
    section.get_by_role("button", name="Run and see what would change").click()
    expect(teacher.get_by_text("Running again: ")).to_be_visible()


def test_whoever_waits_goes_first_and_nothing_counts_before_it_is_applied(
    open_page: Callable[..., Page], serving: Serving, folder: Path
) -> None:
    teacher = open_page()
    people = {name: Participant(teacher, name) for name in ("Ada", "Bea", "Cleo")}
    people["Ada"].answer(SLOWLY)
    people["Bea"].answer(SLOWLY)
    people["Cleo"].answer("sleep 2\nexit 7\n")
    before = {name: one.verdict() for name, one in people.items()}
    assert [one["score"] for one in before.values()] == [1.0, 1.0, 3.0]
    # What workers know of an exercise, they have read when they started.
    (folder / "status" / "checks.py").write_text(CHECKS.replace("== 7", "== 8"))
    serving.stop()
    serving.start("--exercises", str(folder))
    run_again(teacher, "status")
    dora = Participant(teacher, "Dora")
    dora.answer("exit 8\n")
    page = teacher.request.get(teacher.url).text()
    assert "Running again: " in page, "she did not wait for all of them"
    assert dora.verdict()["score"] == 3.0
    # The page fills in by itself: first what has run, in the end all of it.
    row = teacher.get_by_role("row", name="Ada")
    expect(row).to_contain_text("Its status is 7: Not yet → Passed")
    expect(teacher.get_by_role("button", name="Apply 3 new verdicts")).to_be_visible()
    assert faults(teacher) == []
    rises, falls = ["1 of 3", "3 of 3", "+2"], ["3 of 3", "1 of 3", "-2"]
    for name, figures in (("Ada", rises), ("Bea", rises), ("Cleo", falls)):
        assert teacher.get_by_role("row", name=name).inner_text().split("\t")[1:4] == figures
    assert {name: one.verdict() for name, one in people.items()} == before
    teacher.get_by_role("button", name="Apply 3 new verdicts").click()
    expect(teacher.get_by_text("Applied: 3 scores changed.")).to_be_visible()
    after = {name: one.verdict() for name, one in people.items()}
    assert [one["score"] for one in after.values()] == [3.0, 3.0, 1.0]
    for name, one in people.items():
        assert after[name]["created_at"] == before[name]["created_at"]
        assert after[name]["report"]["evidence"] != before[name]["report"]["evidence"]
        found = one.verdict("/evidence")
        assert found["sections"]["run"]["exit_code"] == (7 if name == "Cleo" else 8)
    teacher.get_by_role("link", name="Audit log").click()
    for deed in ("had answers run again, for a look", "applied a regrade"):
        expect(teacher.get_by_role("cell", name=deed).first).to_be_visible()


def test_it_is_stopped_and_everything_is_as_it_was(open_page: Callable[..., Page]) -> None:
    """The keyboard's focus stays on the button while the page around it fills in."""
    teacher = open_page(PHONE, scheme="dark")
    people = [Participant(teacher, name) for name in ("Eve", "Fay", "Gil")]
    for one in people:
        one.answer(SLOWLY)
    before = [one.verdict() for one in people]
    run_again(teacher, "")
    no_wider_than_the_screen(teacher)
    teacher.get_by_role("button", name="Stop and discard").focus()
    expect(teacher.get_by_text("Running again: 1 of ")).to_be_visible()
    assert teacher.evaluate("document.activeElement.id") == "discard"
    assert faults(teacher) == []
    teacher.keyboard.press("Enter")
    expect(teacher.get_by_text("Discarded: nothing has changed.")).to_be_visible()
    no_wider_than_the_screen(teacher)
    assert [one.verdict() for one in people] == before
    # What ran at that moment ends by itself, and the worker is there for everybody again.
    people[0].answer("exit 7\n")
