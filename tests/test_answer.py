"""Answers are hostile input: whatever lies in the folder, one sentence says what is wrong, and fast."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import answer
from grader.errors import SubmissionError
from grader.exercise import load
from grader.model import Exercise, Submission
from tests.literals import MANIFEST, write_exercise

MANY = """
title = "Project"
section = "E"
profile = "docker"
[[files]]
name = "Dockerfile"
kind = "dockerfile"
[[files]]
name = "app/app.py"
kind = "file"
required = false
[[files]]
name = "src/"
kind = "file"
required = false
"""


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    return load(write_exercise(tmp_path_factory.mktemp("single"), manifest=MANIFEST))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    return load(write_exercise(tmp_path_factory.mktemp("project"), manifest=MANY))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "answer"
    made.mkdir()
    return made


def read(exercise: Exercise, path: Path) -> Submission:
    return answer.read(exercise, path, "ada", {})


def refusal(exercise: Exercise, path: Path) -> str:
    with pytest.raises(SubmissionError) as raised:
        read(exercise, path)
    message = str(raised.value)
    assert "\n" not in message
    assert message.isprintable()
    return message


def test_reads_a_folder(single: Exercise, folder: Path) -> None:
    (folder / "answer.sh").write_text("exit 7\n")
    assert read(single, folder) == Submission("status", "ada", {"answer.sh": b"exit 7\n"}, {})


def test_reads_a_file_of_any_name_where_there_is_one(single: Exercise, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("exit 7\n")
    assert read(single, tmp_path / "mine.txt").files == {"answer.sh": b"exit 7\n"}


def test_reads_folders_inside_only_where_the_exercise_has_them(project: Exercise, folder: Path) -> None:
    for name in ("Dockerfile", "app/app.py", "src/a.c", "src/lib/deep/b.c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n")
    assert list(read(project, folder).files) == ["Dockerfile", "app/app.py", "src/a.c", "src/lib/deep/b.c"]
    (folder / "app/other.py").write_text("x")
    assert "'app/other.py' is not part of the answer" in refusal(project, folder)
    (folder / "app/other.py").unlink()
    (folder / "extra").mkdir()
    assert "'extra' is a folder and not part" in refusal(project, folder)


def test_a_file_is_no_answer_where_there_are_several(project: Exercise, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    assert "the answer is a folder with Dockerfile" in refusal(project, tmp_path / "Dockerfile")


def _device(path: Path) -> None:
    os.mknod(path, 0o600 | 0o020000, os.makedev(5, 0))  # /dev/tty: opening it would block or fail


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


MAKERS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "link": (lambda path: path.symlink_to("/etc/passwd"), "'answer.sh' is a symbolic link"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "'answer.sh' is a symbolic link"),
    "fifo": (os.mkfifo, "'answer.sh' is a named pipe"),
    "device": (_device, "'answer.sh' is a device"),
    "socket": (_socket, "'answer.sh' is a socket"),
    "folder": (Path.mkdir, "'answer.sh' is a folder"),
    "empty": (lambda path: path.write_bytes(b""), "'answer.sh' is empty"),
    "blank": (lambda path: path.write_bytes(b" \n\t\n"), "'answer.sh' is empty"),
    "nul": (lambda path: path.write_bytes(b"a\nb\0"), "'answer.sh' holds a NUL byte in line 2"),
    "latin": (lambda path: path.write_bytes(b"\n\ncaf\xe9"), "'answer.sh' is not UTF-8 text: line 3"),
    "large": (lambda path: path.write_bytes(b"#" * (50 << 20)), "'answer.sh' holds 52,428,800 bytes"),
    "sparse": (
        lambda path: (path.touch(), os.truncate(path, 1 << 40)),
        "'answer.sh' holds 1,099,511,627,776",
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_refuses_what_is_no_answer(
    single: Exercise, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    make, message = MAKERS[kind]
    make(folder / "answer.sh")
    began = time.monotonic()
    assert message in refusal(single, folder)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("kind", ["link", "fifo", "device", "socket"])
def test_refuses_the_same_as_the_answer_itself(
    single: Exercise, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    MAKERS[kind][0](tmp_path / "answer.sh")
    assert "not a folder with an answer" in refusal(single, tmp_path / "answer.sh")


def test_refuses_a_folder_behind_a_link(single: Exercise, folder: Path, tmp_path: Path) -> None:
    (folder / "answer.sh").write_text("exit 7\n")
    (tmp_path / "link").symlink_to(folder)
    assert "'link' is a symbolic link" in refusal(single, tmp_path / "link")


def test_refuses_missing_and_extra_files(single: Exercise, folder: Path, tmp_path: Path) -> None:
    assert refusal(single, folder) == "'answer.sh' is missing"
    (folder / "anwser.sh").write_text("exit 7\n")
    assert refusal(single, folder) == ("'anwser.sh' is not part of the answer, which consists of answer.sh")
    assert "No such file" in refusal(single, tmp_path / "nowhere")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[31m", b"a\\b", "‮txt".encode()])
def test_shows_hostile_names_harmlessly(
    single: Exercise, project: Exercise, folder: Path, name: bytes
) -> None:
    (folder / "Dockerfile").write_text("FROM x\n")
    (folder / "src").mkdir()
    for place in (folder, folder / "src"):
        file = os.open(os.fsencode(place) + b"/" + name, os.O_CREAT | os.O_WRONLY)
        os.close(file)
        refusal(single, folder)
        refusal(project, folder)


@pytest.mark.slow
def test_many_files_are_refused_fast(single: Exercise, project: Exercise, folder: Path) -> None:
    (folder / "src").mkdir()
    for number in range(10_000):
        os.close(os.open(folder / f"{number}", os.O_CREAT | os.O_WRONLY))
        if number < 1_000:
            os.close(os.open(folder / f"src/{number}", os.O_CREAT | os.O_WRONLY))
    for exercise in (single, project):
        began = time.monotonic()
        assert "more than 200 files" in refusal(exercise, folder)
        assert time.monotonic() - began < 0.5


def test_much_content_is_refused(project: Exercise, folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "Dockerfile").write_text("FROM x\n")
    for number in range(5):
        (folder / f"src/{number}").write_bytes(b"x" * (1 << 20))
    assert "hold more than 4,194,304 bytes" in refusal(project, folder)


def test_deep_trees_are_refused(project: Exercise, folder: Path) -> None:
    deep = folder / "src" / "/".join("abcdefghijkl")
    deep.mkdir(parents=True)
    (deep / "x").touch()
    assert "not part of the answer" in refusal(project, folder)


def test_an_optional_file_may_be_empty_and_of_any_bytes(project: Exercise) -> None:
    files = {"Dockerfile": b"FROM x\n", "app/app.py": b"", "src/a": b"\0\xff"}
    assert answer.from_files(project, "ada", files, {}).files == files


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"echo a\r\nexit 7\r\n", b"echo a\nexit 7\n"),
        (b"\xef\xbb\xbfecho a\r\nexit 7", b"echo a\nexit 7"),
        (b"\xef\xbb\xbfexit 7\n", b"exit 7\n"),
        (b"cat <<END\nHost: a\r\nEND\n", b"cat <<END\nHost: a\r\nEND\n"),
        (b"printf 'a\rb'\r\n", b"printf 'a\rb'\n"),
        (b"exit 7", b"exit 7"),
    ],
)
def test_scripts_from_windows_are_made_readable_for_bash(
    single: Exercise, written: bytes, kept: bytes
) -> None:
    """Where only some lines end with a carriage return, they are there on purpose."""
    assert answer.from_files(single, "ada", {"answer.sh": written}, {}).files == {"answer.sh": kept}


def test_a_file_that_the_exercise_calls_a_script_is_one(tmp_path: Path) -> None:
    talk = load(write_exercise(tmp_path, manifest=MANY.replace("app/app.py", "talk.sh")))
    files = {"Dockerfile": b"FROM x\n", "talk.sh": b"exit 7\r\n", "src/run.sh": b"exit 7\r\n"}
    assert answer.from_files(talk, "ada", files, {}).files == {**files, "talk.sh": b"exit 7\n"}


def test_other_files_keep_their_line_ends(project: Exercise) -> None:
    files = {"Dockerfile": b"FROM x\r\n", "app/app.py": b"\xef\xbb\xbfprint(1)\r\n"}
    assert answer.from_files(project, "ada", files, {}).files == files


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({}, "'Dockerfile' is missing"),
        ({"Dockerfile": b"x", "../Dockerfile": b"x"}, "'../Dockerfile' is not part"),
        ({"Dockerfile": b"x", "/Dockerfile": b"x"}, "'/Dockerfile' is not part"),
        ({"Dockerfile": b"x", "src/../x": b"x"}, "'src/../x' is not part"),
        ({"Dockerfile": b"x", "src//x": b"x"}, "'src//x' is not part"),
        ({"Dockerfile": b"x", "src/": b"x"}, "'src/' is not part"),
        ({"Dockerfile": b"x", "src/a\0b": b"x"}, "is not part"),
        ({"Dockerfile": b"x", "src/\ud800": b"x"}, "is not part"),
        ({"Dockerfile": b"x", "src\\x": b"x"}, "is not part"),
        ({"Dockerfile": b"x", "src/" + "n" * 300: b"x"}, "is not part"),
        ({"Dockerfile": b"x" * (1 << 20 | 1)}, "1,048,577 bytes"),
        ({f"src/{number}": b"x" for number in range(201)}, "201 files"),
        ({"Dockerfile": b"x", **{f"src/{n}": b"x" * (1 << 20) for n in range(4)}}, "4,194,305 bytes"),
    ],
)
def test_files_from_elsewhere_are_refused_alike(
    project: Exercise, files: dict[str, bytes], cause: str
) -> None:
    with pytest.raises(SubmissionError) as raised:
        answer.from_files(project, "ada", files, {})
    assert cause in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.slow
@given(name=st.text(min_size=1, max_size=40))
def test_a_plain_name_stays_inside(name: str) -> None:
    if answer.plain_name(name):
        assert os.path.normpath(f"/top/{name}") == f"/top/{name}"
        assert "\0" not in name
        name.encode()


@given(name=st.text(max_size=30), content=st.binary(max_size=60))
def test_no_file_makes_it_raise_anything_else(project: Exercise, name: str, content: bytes) -> None:
    message = ""
    try:
        answer.from_files(project, "ada", {"Dockerfile": b"x", name: content}, {})
    except SubmissionError as error:
        message = str(error)
    assert message.isprintable()


def given_as(exercise: Exercise, *paths: Path) -> dict[str, bytes]:
    return dict(answer.read_given(exercise, paths, "ada", {}).files)


def test_several_files_are_called_what_their_paths_end_with(project: Exercise, folder: Path) -> None:
    names = ("Dockerfile", "app/app.py", "src/a/b", "src/c")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    expected = {name: name.encode() for name in names}
    assert given_as(project, folder) == expected
    assert given_as(project, *(folder / name for name in names)) == expected
    assert given_as(project, *sorted(folder.iterdir())) == expected
    assert given_as(project, folder / "Dockerfile") == {"Dockerfile": b"Dockerfile"}


def test_a_single_file_may_have_any_name_still(single: Exercise, folder: Path) -> None:
    (folder / "mine").write_text("exit 7\n")
    assert given_as(single, folder / "mine") == {"answer.sh": b"exit 7\n"}


def test_what_is_wrong_with_several_files_is_said(project: Exercise, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM x\n")
    (folder / "other").mkdir()
    (folder / "other/Dockerfile").write_text("FROM y\n")
    (folder / "link").symlink_to("Dockerfile")
    own = folder / "Dockerfile"
    for paths, cause in (
        ((own, folder / "other/Dockerfile"), "'Dockerfile' is given twice"),
        ((own, folder / "other"), "'other' is a folder and not part of the answer"),
        ((own, folder / "link"), "'link' is a symbolic link and not part of the answer"),
        ((own, folder / "none"), "'none' cannot be read: No such file"),
        ((folder / "none",), "'none' cannot be read: No such file"),
        ((own,) * 201, "201 files"),
    ):
        with pytest.raises(SubmissionError, match=cause):
            given_as(project, *paths)
