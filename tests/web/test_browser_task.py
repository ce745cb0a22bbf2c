"""The form of a task in a real browser: the editor, drafts, files that are dropped, earlier attempts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import PHONE, SLUG, editor, join, no_wider_than_the_screen, right_answer, text_of

pytestmark = [pytest.mark.slow]

FOLDER_SLUG = "e1-base-environment"
DROP = """([selector, files]) => {
  const all = new DataTransfer();
  for (const [name, text] of files) all.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(type, { bubbles: true, cancelable: true, composed: true, dataTransfer: all });
    document.querySelector(selector).dispatchEvent(event);
  }
}"""


def open_task(page: Page, name: str, slug: str = SLUG) -> None:
    join(page, name)
    page.goto(f"/exercises/{slug}")


def submit(page: Page) -> str:
    """Submit, and return the page of the submission."""
    page.get_by_role("button", name="Submit", exact=True).click()
    page.wait_for_url("**/submissions/*")
    return page.url


@pytest.mark.parametrize(
    ("slug", "file", "text", "word"),
    [
        (SLUG, "answer.sh", 'for i in 1 2; do\n  echo "$i" # why\n', "for"),
        ("c3-layers", "Dockerfile", 'FROM debian\nRUN echo "x"\n', "FROM"),
        ("f1-compose-two-services", "compose.yaml", 'services:\n  web:\n    image: "x"\n', "services"),
    ],
)
def test_answers_are_highlighted(
    open_page: Callable[..., Page], slug: str, file: str, text: str, word: str
) -> None:
    page = open_page()
    open_task(page, f"Hal {slug[:2]}", slug)
    area = editor(page, file)
    area.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    assert text_of(page, file) == text
    colour = "element => getComputedStyle(element).color"
    plain = area.evaluate(colour)
    assert area.locator("span", has_text=word).first.evaluate(colour) != plain
    assert area.locator("span", has_text='"').first.evaluate(colour) != plain
    # Typing over what has a colour puts no style into the page, which its policy would refuse.
    page.keyboard.press("Control+a")
    page.keyboard.type("x")
    assert text_of(page, file) == "x"


def test_tab_indents_and_there_is_a_way_out(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Tabea")
    expect(page.get_by_text("press Escape, then Tab")).to_be_visible()
    area = editor(page, "answer.sh")
    area.fill("true")
    area.press("Control+Home")
    area.press("Tab")
    assert text_of(page, "answer.sh") == "\ttrue"
    area.press("Escape")
    expect(page.get_by_text("Tab leaves the editor now.")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Or upload the file")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(area).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    expect(area).not_to_be_focused()
    assert text_of(page, "answer.sh") == "\ttrue"


@pytest.mark.parametrize("modifier", ["Control", "Meta"])
def test_a_key_submits_once(open_page: Callable[..., Page], modifier: str) -> None:
    page = open_page()
    open_task(page, f"Kay {modifier}")
    area = editor(page, "answer.sh")
    area.fill("exit 1")
    area.press(f"{modifier}+Enter")
    page.wait_for_url("**/submissions/*")
    page.goto(f"/exercises/{SLUG}")
    expect(page.locator(".attempts tbody tr")).to_have_count(1)
    assert text_of(page, "answer.sh") == "exit 1"


def test_drafts_are_kept_until_the_server_has_them(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Dora")
    editor(page, "answer.sh").fill("half an answer")
    page.reload()
    expect(editor(page, "answer.sh")).to_have_text("half an answer")
    page.goto("/exercises/a1-own-cgroup")
    expect(editor(page, "answer.sh")).not_to_contain_text("half an answer")
    page.goto(f"/exercises/{SLUG}")
    drafts = "Object.keys(localStorage).filter((key) => key.startsWith('draft:')).length"
    assert page.evaluate(drafts) == 1
    # Without an answer from the server, the draft stays.
    page.route("**/exercises/**", lambda route: route.abort())
    page.get_by_role("button", name="Submit", exact=True).click()
    page.unroute_all()
    page.goto(f"/exercises/{SLUG}")
    expect(editor(page, "answer.sh")).to_have_text("half an answer")
    submit(page)
    assert page.evaluate(drafts) == 0


def test_drafts_are_each_participants_own(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Dieter")
    editor(page, "answer.sh").fill("of the first one")
    page.goto("/me")
    page.get_by_role("button", name="Sign out").click()
    open_task(page, "Doris")
    expect(editor(page, "answer.sh")).not_to_contain_text("of the first one")


def test_an_uploaded_file(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Uma")
    content = right_answer(page).encode()
    page.get_by_label("Or upload").set_input_files(
        {"name": "mine.sh", "mimeType": "text/x-sh", "buffer": content}
    )
    submit(page)
    expect(page.get_by_text("Solved: every check passed.")).to_be_visible()


def test_files_are_dropped_into_the_form(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Dropsy", FOLDER_SLUG)
    page.evaluate(DROP, ["#answer", [["Dockerfile", "FROM dropped\n"], ["run.sh", "echo run\n"]]])
    expect(
        page.get_by_text("Dockerfile is in the text Dockerfile now. run.sh will be uploaded.")
    ).to_be_visible()
    expect(editor(page, "Dockerfile")).to_have_text("FROM dropped")
    page.evaluate(DROP, ["#answer", [["more.txt", "more\n"]]])
    expect(page.get_by_text("run.sh (9 bytes), more.txt (5 bytes)")).to_be_visible()
    place = submit(page)
    expect(page.locator("summary", has_text="files/run.sh")).to_be_visible()
    expect(page.locator("summary", has_text="files/more.txt")).to_be_visible()
    # What was uploaded need not be uploaded again.
    page.goto(f"/exercises/{FOLDER_SLUG}")
    page.get_by_label("Hand in files/more.txt again").uncheck()
    assert submit(page) != place
    expect(page.locator("summary", has_text="files/run.sh")).to_be_visible()
    expect(page.locator("summary", has_text="files/more.txt")).to_have_count(0)


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders of the disk, as a file manager does."""
    target = page.locator("#drop")
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 9, "y": box["y"] + 9}
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


def written(folder: Path, files: dict[str, str]) -> Path:
    """Make a folder with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_is_dropped_into_the_form(open_page: Callable[..., Page], tmp_path: Path) -> None:
    """Of what is in it, the form takes what the exercise takes, and names the rest."""
    page = open_page()
    open_task(page, "Fola", FOLDER_SLUG)
    said = page.locator("#dropped")
    answer = {
        "Dockerfile": "FROM folder\n",
        "files/run.sh": "echo run\n",
        "files/deep/down.txt": "down\n",
        "notes.txt": "mine\n",
        ".git/config": "[core]\n",
    }
    drop(page, written(tmp_path / "answer", answer))
    expect(said).to_have_text(
        "Dockerfile is in the text Dockerfile now. files/deep/down.txt will be uploaded. "
        "files/run.sh will be uploaded. The exercise does not take: .git/, notes.txt."
    )
    expect(editor(page, "Dockerfile")).to_have_text("FROM folder")
    # The folder of the answer by itself, and a file beside it, which comes instead of the former one.
    other = written(tmp_path, {"files/more.txt": "more\n", "run.sh": "echo changed\n"})
    drop(page, other / "files", other / "run.sh")
    expect(said).to_have_text("run.sh will be uploaded. files/more.txt will be uploaded.")
    submit(page)
    for name in ("files/deep/down.txt", "files/more.txt", "files/run.sh"):
        expect(page.locator("summary", has_text=name)).to_be_visible()
    page.locator("summary", has_text="files/run.sh").click()
    expect(page.get_by_text("echo changed")).to_be_visible()


def test_a_folder_that_holds_nothing_of_the_answer(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page()
    open_task(page, "Fola Two")
    said, before = page.locator("#dropped"), text_of(page, "answer.sh")
    many = {f"{number:03}.txt": "x" for number in range(123)}
    drop(page, written(tmp_path / "<b>", {"sub/answer.sh": "exit 1\n", **many}))
    expect(said).to_contain_text(
        "Nothing of it is part of the answer. The exercise does not take: 000.txt, 001.txt,"
    )
    expect(said).to_contain_text("019.txt. Nor so many others: 104.")
    assert text_of(page, "answer.sh") == before
    (tmp_path / "empty").mkdir()
    drop(page, tmp_path / "empty")
    expect(said).to_have_text("Nothing of it is part of the answer.")
    drop(page, written(tmp_path / "mine", {"answer.sh": "exit 4\n"}))
    expect(said).to_have_text("answer.sh is in the text answer.sh now.")
    expect(editor(page, "answer.sh")).to_have_text("exit 4")


def test_a_file_dropped_onto_the_editor_replaces_its_text(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Drusilla")
    editor(page, "answer.sh").fill("before")
    page.evaluate(DROP, ["[data-editor]", [["anything.sh", "exit 3\n"]]])
    expect(editor(page, "answer.sh")).to_have_text("exit 3")
    assert text_of(page, "answer.sh") == "exit 3\n"
    page.reload()
    expect(editor(page, "answer.sh")).to_have_text("exit 3")


def test_earlier_attempts_are_compared_and_used_again(open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE, scheme="dark")
    open_task(page, "Pat")
    expect(page.get_by_text("None yet.")).to_be_visible()
    editor(page, "answer.sh").fill("echo one\nexit 1\n")
    submit(page)
    page.goto(f"/exercises/{SLUG}")
    editor(page, "answer.sh").fill("echo two\nexit 1\n")
    submit(page)
    page.goto(f"/exercises/{SLUG}")
    no_wider_than_the_screen(page)
    page.get_by_role("link", name="Changes").first.click()
    expect(page.get_by_role("row", name="added echo two")).to_be_visible()
    expect(page.get_by_role("row", name="removed echo one")).to_be_visible()
    expect(page.get_by_text("1 line added, 1 removed")).to_be_visible()
    no_wider_than_the_screen(page)
    page.get_by_label("Before").select_option("start")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("2 lines added, 1 removed")).to_be_visible()
    page.get_by_role("link", name="Exercises").first.click()
    page.goto(f"/exercises/{SLUG}")
    page.get_by_role("link", name="Use again").last.click()
    expect(page.get_by_text("This is your attempt of")).to_be_visible()
    assert text_of(page, "answer.sh") == "echo one\nexit 1\n"
    page.reload()
    assert text_of(page, "answer.sh") == "echo one\nexit 1\n"
    page.get_by_role("link", name="Begin anew").click()
    assert text_of(page, "answer.sh") == ":\n"


def test_starting_files_are_downloaded(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_task(page, "Zip", "c6-cache-order")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the task").click()
    with zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())) as archive:
        assert {"c6-cache-order/README.md", "c6-cache-order/Dockerfile"} <= set(archive.namelist())
        assert "{{" not in archive.read("c6-cache-order/README.md").decode()
