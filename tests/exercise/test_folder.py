"""Exercises are read whole, or refused with the file and the place that has to be mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import ExerciseError
from grader.exercise import load
from grader.exercise.folder import digest
from grader.model import MIB, Kind, Limits, ParameterSpec, Profile
from tests.literals import CHECKS, MANIFEST, write_exercise

FULL = """
title = "Everything"
section = "A"
profile = "docker"
minutes = 20
hints = ["One.", "Two."]
setup = "setup.sh"

[[files]]
name = "Dockerfile"
kind = "dockerfile"

[[files]]
name = "src/"
kind = "file"
required = false

[[files]]
name = "note.txt"
kind = "value"
nothing = "?"

[limits]
memory_mib = 300
cpus = 1.5

[parameters]
port = { min = 8000, max = 8999 }
word = { choose = ["red", "green"] }
key = { token = 8 }

[watch]
networks = true
layers = ["answer"]
search = ["{{ key }}"]

[[probes]]
name = "first"
action = "run"
image = "answer"
command = ["serve", "{{ port }}"]

[points]
status = 5
"""


def test_reads_everything_that_the_format_has(tmp_path: Path) -> None:
    folder = write_exercise(
        tmp_path,
        manifest=FULL,
        text="# Port {{ port }}\n",
        files={"setup.sh": "docker pull x\n", "image/Dockerfile": "FROM scratch\n"},
    )
    found = load(folder)
    assert (found.slug, found.title, found.section) == ("status", "Everything", "A")
    assert found.profile is Profile.DOCKER
    assert [(file.name, file.kind, file.required, file.nothing) for file in found.files] == [
        ("Dockerfile", Kind.DOCKERFILE, True, "FROM debian:trixie\n"),
        ("src/", Kind.FILE, False, ""),
        ("note.txt", Kind.VALUE, True, "?"),
    ]
    assert found.limits == Limits(
        memory_bytes=300 * MIB, pids=512, cpus=1.5, disk_bytes=400 * MIB, wall_seconds=60.0
    )
    assert found.parameters == {
        "port": ParameterSpec(minimum=8000, maximum=8999),
        "word": ParameterSpec(choices=("red", "green")),
        "key": ParameterSpec(token_length=8),
    }
    assert found.watch.networks
    assert found.watch.layers == ("answer",)
    assert found.probes[0].options == {"image": "answer", "command": ["serve", "{{ port }}"]}
    assert [check.points for check in found.checks] == [1.0, 5.0]
    assert found.max_score == 6.0
    assert found.text == "# Port {{ port }}\n"
    assert found.minutes == 20
    assert found.hints == ("One.", "Two.")
    assert found.setup == "docker pull x\n"
    assert found.image == folder / "image"
    assert found.copied_answer_fails


@pytest.mark.parametrize(
    ("profile", "memory", "pids", "seconds", "disk"),
    [
        ("none", 64, 64, 10, 16),
        ("plain", 64, 64, 10, 16),
        ("namespaces", 128, 100, 15, 16),
        ("cgroups", 128, 100, 15, 16),
        ("docker", 512, 512, 60, 400),
    ],
)
def test_limits_default_by_profile(
    tmp_path: Path, profile: str, memory: int, pids: int, seconds: int, disk: int
) -> None:
    limits = load(write_exercise(tmp_path, manifest=MANIFEST.replace("plain", profile))).limits
    assert limits.memory_bytes == memory * MIB
    assert (limits.pids, limits.wall_seconds, limits.disk_bytes) == (pids, seconds, disk * MIB)


@pytest.mark.parametrize(
    ("manifest", "place", "cause"),
    [
        ("title = ?", "exercise.toml", "line 1"),
        ("", "exercise.toml: $", "title"),
        (MANIFEST + "colour = 1\n", "$.files[0]", "unknown field `colour`"),
        ("colour = 1\n" + MANIFEST, "$", "unknown field `colour`"),
        (MANIFEST.replace('"G"', '"H"'), "$.section", "'H'"),
        (MANIFEST.replace('"plain"', '"root"'), "$.profile", "'root'"),
        (MANIFEST.replace('"End with the right status"', "7"), "$.title", "expected `str`"),
        (MANIFEST.replace("answer.sh", "../answer.sh"), "$.files[0].name", "no plain relative name"),
        (MANIFEST.replace("answer.sh", "/answer.sh"), "$.files[0].name", "no plain relative name"),
        (MANIFEST + '[[files]]\nname="answer.sh"\nkind="file"', "$.files[1].name", "twice"),
        (MANIFEST + '[[files]]\nname="answer.sh/a"\nkind="file"', "$.files[0].name", "cannot both"),
        (MANIFEST + '[[files]]\nname="src/"\nkind="shell"', "$.files[1].kind", "of kind 'file'"),
        (MANIFEST + '[limits]\npids = "many"', "$.limits.pids", "expected `int`"),
        (MANIFEST + "[limits]\npids = 0", "$.limits.pids", ">= 2"),
        (MANIFEST + "[limits]\nram = 1", "$.limits", "unknown field `ram`"),
        (MANIFEST + "[parameters]\na = {}", "$.parameters.a", "min and max"),
        (MANIFEST + "[parameters]\na = {min=3, max=2}", "$.parameters.a", "above"),
        (MANIFEST + "[parameters]\na = {min=3}", "$.parameters.a", "max"),
        (MANIFEST + "[parameters]\na = {choose=[]}", "$.parameters.a.choose", "length >= 1"),
        (MANIFEST + "[parameters]\na = {token=2}", "$.parameters.a.token", ">= 4"),
        (MANIFEST + "[parameters]\na-b = {token=8}", "$.parameters.a-b", "name"),
        (MANIFEST + '[watch]\nsearch = ["{{ x }}"]', "$.watch.search[0]", "{{ x }} is no parameter"),
        (MANIFEST + "[[probes]]\naction='run'\n", "$.probes[0]", "name"),
        (MANIFEST + "[[probes]]\nname='a'\naction='fly'\n", "$.probes[0]", "fly"),
        (
            MANIFEST + "[[probes]]\nname='a'\naction='read'\npath='/x'\n",
            "$.probes[0]",
            "a container or an image",
        ),
        (
            MANIFEST + "[[probes]]\nname='a'\naction='run'\nimage='{{ x }}'\n",
            "$.probes[0].image",
            "{{ x }} is no parameter",
        ),
        (MANIFEST + "[points]\nother = 1", "$.points.other", "no check"),
        (MANIFEST + "[points]\nends = -1", "$.points", ">= 0"),
        ('setup = "nothing.sh"\n' + MANIFEST, "$.setup", "nothing.sh"),
        ('setup = "../setup.sh"\n' + MANIFEST, "$.setup", "no file's name"),
    ],
)
def test_names_the_place_in_the_manifest(tmp_path: Path, manifest: str, place: str, cause: str) -> None:
    folder = write_exercise(tmp_path, manifest=manifest)
    with pytest.raises(ExerciseError) as raised:
        load(folder)
    assert f"{folder}/exercise.toml: " in str(raised.value)
    assert place in str(raised.value)
    assert cause in str(raised.value)


def test_a_manifest_of_other_bytes_is_named(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path)
    (folder / "exercise.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(ExerciseError, match=r"status/exercise\.toml: .*utf-8"):
        load(folder)


@pytest.mark.parametrize(
    ("checks", "place", "cause"),
    [
        ("def broken(:\n", "checks.py:1", "SyntaxError"),
        ("\nimport no_such_module\n", "checks.py:2", "ModuleNotFoundError"),
        ("from .helper import x\n", "helper.py:2", "ZeroDivisionError"),
        ("from .crooked import x\n", "crooked.py:1", "SyntaxError"),
        ("raise SystemExit(1)\n", "checks.py:1", "SystemExit"),
        ("x = 1\n", "checks.py", "declares no check"),
        (CHECKS + CHECKS.replace("def status", "def other"), "checks.py", "two checks are called ends"),
        (CHECKS.replace('("ends",)', '("begins",)'), "checks.py", "after begins"),
        (CHECKS.replace('("ends",)', '("status",)'), "checks.py", "after status"),
        (CHECKS.replace("points=2", "points=-2"), "checks.py", "-2 points"),
        (CHECKS.replace("It ends by itself", " "), "checks.py", "no title"),
    ],
)
def test_names_the_line_in_the_checks(tmp_path: Path, checks: str, place: str, cause: str) -> None:
    folder = write_exercise(
        tmp_path, checks=checks, files={"helper.py": "\nx = 1 / 0\n", "crooked.py": "x = (\n"}
    )
    if "two checks" in cause:
        # The second definition hides the first of the same name: an alias keeps both.
        (folder / "checks.py").write_text(CHECKS + "first = ends\n" + CHECKS)
    with pytest.raises(ExerciseError) as raised:
        load(folder)
    assert f"{folder}/{place}" in str(raised.value)
    assert cause in str(raised.value)


def test_checks_import_modules_beside_them(tmp_path: Path) -> None:
    checks = "from .numbers_of_ours import NUMBER\n" + CHECKS
    one = load(write_exercise(tmp_path, "one", checks=checks, files={"numbers_of_ours.py": "NUMBER = 1\n"}))
    two = load(write_exercise(tmp_path, "two", checks=checks, files={"numbers_of_ours.py": "NUMBER = 2\n"}))
    numbers = [exercise.checks[0].function.__globals__["NUMBER"] for exercise in (one, two)]  # type: ignore[attr-defined]
    assert numbers == [1, 2]
    assert not (tmp_path / "one/__pycache__").exists()


def test_checks_changed_within_a_second_are_read_again(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path)
    assert load(folder).checks[0].title == "It ends by itself"
    write_exercise(tmp_path, checks=CHECKS.replace("ends by itself", "just stopped!!"))
    assert load(folder).checks[0].title == "It just stopped!!"
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize("slug", ["Status", "a_b", "-a", "a-", "a--b", "ä"])
def test_a_slug_is_plain(tmp_path: Path, slug: str) -> None:
    with pytest.raises(ExerciseError, match="slug"):
        load(write_exercise(tmp_path, slug))


@pytest.mark.parametrize(
    ("text", "cause"), [(" \n", "empty"), ("{{ port }}\n", r"\{\{ port \}\} is no parameter")]
)
def test_the_text_is_looked_at(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(ExerciseError, match=rf"README\.md: .*{cause}"):
        load(write_exercise(tmp_path, text=text))


def test_templates_of_go_are_no_parameters(tmp_path: Path) -> None:
    text = "docker inspect -f '{{.State.Status}}{{ if .X }}{{ else }}{{ end }}' x\n"
    assert load(write_exercise(tmp_path, text=text)).text == text


def test_a_missing_text_is_named(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path)
    (folder / "README.md").unlink()
    with pytest.raises(ExerciseError, match=r"README\.md"):
        load(folder)


def test_the_digest_covers_what_decides_a_verdict(tmp_path: Path) -> None:
    folder = write_exercise(tmp_path, files={"submissions/accepted/a/answer.sh": "exit 7\n"})
    before = digest(folder)
    (folder / "README.md").write_text("other words")
    (folder / "submissions/accepted/a/answer.sh").write_text("exit 8\n")
    assert digest(folder) == before
    seen = {before}
    for name in ("exercise.toml", "checks.py", "helper.py", "image/Dockerfile", "image/.dockerignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("changed")
        assert digest(folder) not in seen
        seen.add(digest(folder))
