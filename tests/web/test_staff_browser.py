"""Instructors in a real browser, with a real worker that judges again in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.literals import CHECKS, write_exercise
from tests.web.browsing import PHONE, join, no_wider_than_the_screen
from tests.web.serving import JOIN_CODE, Serving

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exercise that wants status 7."""
    found = tmp_path_factory.mktemp("more")
    write_exercise(found)
    return found


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Serving]:
    found = Serving(tmp_path_factory.mktemp("serving"))
    found.start("--exercises", str(folder))
    yield found
    found.end()


def sign_in(page: Page, serving: Serving) -> None:
    page.goto("/sign-in")
    page.get_by_label("Password").fill(serving.password() or "")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_check_is_mended_and_the_class_regraded(
    open_page: Callable[..., Page],
    serving: Serving,
    folder: Path,
    script: bool,
) -> None:
    (folder / "status" / "checks.py").write_text(CHECKS)
    participant, teacher = open_page(PHONE, script=script), open_page(script=script)
    name = "Ada" if script else "Bea"
    join(participant, name)
    participant.goto("/exercises/status")
    participant.get_by_label("answer.sh").fill("exit 8\n")
    participant.get_by_role("button", name="Submit").click()
    expect(participant.get_by_text("1 of 3 points")).to_be_visible()
    sign_in(teacher, serving)
    teacher.get_by_role("link", name="Scoreboard", exact=True).click()
    no_wider_than_the_screen(teacher)
    teacher.get_by_role("row", name=name).get_by_role("link", name="1", exact=True).click()
    expect(teacher.get_by_role("heading", name="End with the right status")).to_be_visible()
    expect(teacher.get_by_text("wrong-status")).to_be_visible()
    (folder / "status" / "checks.py").write_text(CHECKS.replace("== 7", "== 8"))
    teacher.get_by_role("link", name="Regrade").click()
    teacher.get_by_label("Which").first.select_option("status")
    teacher.get_by_role("button", name="See what would change", exact=True).click()
    # The page asks again by itself until the worker is done.
    row = teacher.get_by_role("row", name=name)
    expect(row).to_contain_text("1 of 3")
    expect(row).to_contain_text("3 of 3")
    expect(row).to_contain_text("+2")
    participant.reload()
    expect(participant.get_by_text("1 of 3 points")).to_be_visible()
    teacher.get_by_role("button", name="Apply").click()
    expect(teacher.get_by_text("Applied: ")).to_be_visible()
    participant.reload()
    expect(participant.get_by_text("Solved: every check passed.")).to_be_visible()


def test_a_score_by_hand(open_page: Callable[..., Page], serving: Serving) -> None:
    participant, teacher = open_page(), open_page(PHONE, scheme="dark")
    join(participant, "Cleo")
    participant.goto("/exercises/status")
    participant.get_by_label("answer.sh").fill("exit 1\n")
    participant.get_by_role("button", name="Submit").click()
    expect(participant.get_by_text("1 of 3 points")).to_be_visible()
    sign_in(teacher, serving)
    teacher.get_by_role("link", name="Participants").click()
    no_wider_than_the_screen(teacher)
    teacher.get_by_role("link", name="Cleo").click()
    no_wider_than_the_screen(teacher)
    teacher.get_by_role("link", name="End with the right status").first.click()
    no_wider_than_the_screen(teacher)
    teacher.get_by_label("Points, of 3").fill("2.5")
    teacher.get_by_label("Reason").fill("explained it at the desk")
    teacher.get_by_role("button", name="Set the score").click()
    expect(teacher.get_by_text("has 2.5 of 3 points, set by hand.")).to_be_visible()
    participant.reload()
    expect(participant.get_by_text("explained it at the desk")).to_be_visible()
    teacher.get_by_role("button", name="Revoke").click()
    expect(teacher.get_by_text("What was graded counts again.")).to_be_visible()
    participant.reload()
    expect(participant.get_by_text("explained it at the desk")).to_be_hidden()
    teacher.get_by_role("link", name="Audit log").click()
    expect(teacher.get_by_text("revoked a score set by hand").last).to_be_visible()
    no_wider_than_the_screen(teacher)


NOTE_WHAT_MOVES = """
window.moved = [];
const animate = Element.prototype.animate;
Element.prototype.animate = function (...given) {
  window.moved.push(this.tagName);
  return animate.apply(this, given);
};
0
"""


def test_what_instructors_watch_stays_up_to_date(
    open_page: Callable[..., Page], serving: Serving, folder: Path
) -> None:
    """Rows slide only where motion is welcome; the keyboard's focus stays where it is."""
    (folder / "status" / "checks.py").write_text(CHECKS)
    board, calm, overview = open_page(), open_page(), open_page(PHONE)

    def answer(name: str, text: str) -> None:
        joined = overview.request.post("/api/v1/participants", data={"name": name, "join_code": JOIN_CODE})
        bearer = {"Authorization": f"Bearer {joined.json()['token']}"}
        sent = {"exercise": "status", "files": {"answer.sh": text}}
        reply = overview.request.post("/api/v1/submissions", data=sent, headers=bearer)
        found = overview.request.get(f"{reply.headers['location']}?wait=60", headers=bearer)
        assert found.json()["state"] == "graded", found.text()

    answer("Dora", "exit 1\n")
    for page in (board, calm, overview):
        sign_in(page, serving)
    calm.emulate_media(reduced_motion="reduce")
    for page in (board, calm):
        page.goto("/scoreboard")
        page.evaluate(NOTE_WHAT_MOVES)
    board.get_by_role("link", name="Dora").focus()
    answers = overview.locator("#class-1 dd").nth(2)
    before = int(answers.inner_text())
    answer("Emil", "exit 7\n")
    expect(answers).to_have_text(str(before + 1))
    for page in (board, calm):
        expect(page.get_by_role("row", name="Emil")).to_be_visible()
    assert "TR" in board.evaluate("moved"), "Dora makes room"
    assert calm.evaluate("moved") == []
    expect(board.get_by_role("link", name="Dora")).to_be_focused()


RANK_AT_RANDOM = """
() => {
  const some = (most) => Math.floor(Math.random() * most);
  const body = (rows) => {
    const table = document.createElement("table");
    const row = ([id, cells]) => `<tr id="r${id}"${some(9) ? "" : ' class="me"'}>` +
      cells.map((cell) => `<td>${cell}</td>`).join("") + "</tr>";
    table.innerHTML = rows.map(row).join("");
    return table.tBodies[0] ?? table.createTBody();
  };
  const drawn = () => Array.from({ length: 9 }, (_, id) => [id, [some(2), some(2), some(2)]])
    .filter(() => some(5)).sort(() => some(3) - 1);
  const wrong = [];
  for (let time = 0; time < 2000; time += 1) {
    const [before, after] = [drawn(), drawn()];
    const shown = body(before);
    const cells = new Map([...shown.rows].map((row) => [row.id, [...row.cells]]));
    const fresh = body(after);
    const wanted = fresh.innerHTML;
    rank(shown, fresh);
    const kept = [...shown.rows].every((row) => [...row.cells].every((cell, at) => {
      const was = cells.get(row.id)?.[at];
      return !was || (was === cell) === (was.outerHTML === cell.outerHTML);
    }));
    if (shown.innerHTML !== wanted || !kept) wrong.push([before, after, shown.innerHTML, wanted]);
  }
  return wrong.slice(0, 3);
}
"""


def test_a_scoreboard_changes_where_it_differs(open_page: Callable[..., Page], serving: Serving) -> None:
    """Rows come, go and change places, whatever was and is; cells that say the same are the same."""
    page = open_page()
    sign_in(page, serving)
    page.goto("/scoreboard")
    assert page.evaluate(RANK_AT_RANDOM) == []


def test_deadlines_are_local(open_page: Callable[..., Page], serving: Serving) -> None:
    """What is set in one zone is the same moment in another, and UTC where there are no scripts."""
    teacher, colleague = open_page(zone="Europe/Berlin"), open_page(zone="UTC")
    plain = open_page(script=False)
    for page in (teacher, colleague, plain):
        sign_in(page, serving)
    teacher.get_by_label("Deadline (Europe/Berlin)").fill("2037-01-02T03:04")
    teacher.get_by_role("button", name="Set the deadline").click()
    expect(teacher.get_by_label("Deadline (Europe/Berlin)")).to_have_value("2037-01-02T03:04")
    for page in (colleague, plain):
        page.reload()
        expect(page.get_by_label("Deadline (UTC)")).to_have_value("2037-01-02T02:04")
    teacher.get_by_label("Deadline (Europe/Berlin)").fill("")
    teacher.get_by_role("button", name="Set the deadline").click()
    expect(teacher.get_by_label("Deadline (Europe/Berlin)")).to_have_value("")
    plain.reload()
    expect(plain.get_by_label("Deadline (UTC)")).to_have_value("")
