"""The documentation names everything that the code offers, and what it names is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from grader import evidence, probe
from grader.cli import app
from grader.cli.context import common_options
from grader.exercise import load, manifest, path
from grader.exercise.catalogue import Catalogue
from grader.model import Exercise, Kind, Profile
from grader.settings import Settings
from grader.verify import structure
from web.openapi import document
from worker import reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
EXAMPLE = DOCS / "examples" / "memory-cap"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md"))]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def part(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def classes_of_evidence() -> list[type]:
    return [
        value
        for value in vars(evidence).values()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == evidence.__name__
    ]


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


COMMANDS = dict(commands(app))


@pytest.mark.parametrize("kind", classes_of_evidence(), ids=lambda kind: kind.__name__)
def test_every_field_of_evidence_is_explained(kind: type) -> None:
    """In the table below the heading of its own class, or in a sentence there."""
    text = page("evidence.md")
    level = next(level for level in ("##", "###") if f"\n{level} `{kind.__name__}`\n" in text)
    section = part(text, f"{level} `{kind.__name__}`")
    assert [field.name for field in msgspec.structs.fields(kind) if f"`{field.name}`" not in section] == []


def test_every_table_of_the_vocabulary_is_of_a_class_that_exists() -> None:
    """And holds no field that does not."""
    known = {
        kind.__name__: {field.name for field in msgspec.structs.fields(kind)}
        for kind in classes_of_evidence()
    }
    text = page("evidence.md")
    for name in re.findall(r"^##+ `([A-Z]\w+)`$", text, re.MULTILINE):
        level = "##" if f"\n## `{name}`\n" in text else "###"
        section = part(text, f"{level} `{name}`").partition("\n###")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) <= known[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    """Below the heading of the command, or of the group that it belongs to."""
    text = page("commands.md")
    section = part(text, f"## `grader {name.split()[0]}`")
    assert f"grader {name}" in section
    common = {option for shared in common_options(click.Command("x")).params for option in shared.opts}
    options = [option for found in COMMANDS[name].params for option in found.opts if option.startswith("--")]
    assert [option for option in options if option not in common and option not in section] == []


def test_options_of_all_commands_are_in_the_reference() -> None:
    """In the section about them."""
    section = part(page("commands.md"), "## For all commands")
    assert [option for found in app.params for option in found.opts if option not in section] == []


def test_every_setting_is_in_the_reference_and_in_the_example() -> None:
    """Settings are read from variables that their attributes' descriptions name."""
    names = set(re.findall(r"GRADER_[A-Z_]+", str(Settings.__doc__)))
    assert len(names) > 5
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page("commands.md")] == []
    assert [name for name in names if f"\n{name}=" not in example] == []


def test_the_example_settings_are_the_defaults() -> None:
    """Loading the file unchanged changes nothing."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert Settings.from_environment(pairs) == Settings.from_environment({})


def test_the_reference_of_the_services_settings_is_current() -> None:
    """`python -m worker.reference > docs/settings.md` makes it."""
    assert page("settings.md") == reference.to_markdown()


def test_the_path_through_the_workshop_is_current() -> None:
    """`python -m grader.exercise.path > docs/workshop.md` makes it."""
    bundled = Catalogue([ROOT / "exercises"]).usable()
    assert page("workshop.md") == path.to_markdown(bundled)
    assert list(path.SECTIONS) == list(dict.fromkeys(exercise.section for exercise in bundled))


def test_the_apis_page_names_every_route() -> None:
    """In the words of the description."""
    text = page("api.md")
    paths = [path.replace("{identity}", "ID").replace("{slug}", "SLUG") for path in document()["paths"]]
    assert [path for path in paths if path not in text] == []


@pytest.mark.parametrize(
    ("heading", "shape"),
    [
        ("### Top level", manifest._Manifest),
        ("### `[[files]]`", manifest._File),
        ("### `[limits]`", manifest._Limits),
        ("### `[watch]`", manifest._Watch),
    ],
)
def test_every_key_of_exercise_toml_is_in_the_guide(heading: str, shape: type[msgspec.Struct]) -> None:
    """In the table of its own; tables have headings of their own."""
    text = part(page("authors.md"), "## Reference: exercise.toml")
    section = part(text, heading)
    names = [field.name for field in msgspec.structs.fields(shape)]
    tables = {name for name in names if f"\n### `[{name}]`\n" in text or f"\n### `[[{name}]]`\n" in text}
    assert [name for name in names if name not in tables and f"| `{name}` |" not in section] == []


def test_defaults_of_limits_are_those_of_the_guide() -> None:
    """Column by column."""
    section = part(page("authors.md"), "### `[limits]`")
    for row in re.findall(r"^\| `(\w+)` \| ([^|]+)\|([^|]+)\|([^|]+)\|", section, re.MULTILINE):
        name, *columns = row
        otherwise = {field.name: field.default for field in msgspec.structs.fields(manifest._Limits)}[name]
        for profile, column in zip((Profile.PLAIN, Profile.NAMESPACES, Profile.DOCKER), columns, strict=True):
            assert float(column) == float(manifest._DEFAULTS[profile].get(name, otherwise)), (name, profile)


def test_forms_of_parameters_are_in_the_guide() -> None:
    """Each with its keys."""
    section = part(page("authors.md"), "### `[parameters]`")
    for shape in (manifest._Range, manifest._Choice, manifest._Token):
        assert all(f"{field.name} =" in section for field in msgspec.structs.fields(shape))


def test_kinds_and_profiles_are_in_the_guide() -> None:
    """Every one of them."""
    text = part(page("authors.md"), "## Reference: exercise.toml")
    assert [kind for kind in Kind if f"`{kind}`" not in part(text, "### `[[files]]`")] == []
    assert [profile for profile in Profile if f"| `{profile}` |" not in text] == []


@pytest.mark.parametrize(
    "action", probe.Action.__subclasses__(), ids=lambda action: action.__struct_config__.tag
)
def test_every_probe_and_its_keys_are_in_the_guide(action: type[probe.Action]) -> None:
    """In the line of its action; what all of them take stands above."""
    section = part(page("authors.md"), "### `[[probes]]`")
    found = re.search(rf"^\| `{action.__struct_config__.tag}` \|.*$", section, re.MULTILINE)
    assert found
    keys = [field.name for field in msgspec.structs.fields(action) if field.name != "wait_seconds"]
    assert "`wait_seconds`" in section
    assert [key for key in keys if f"`{key}`" not in found[0]] == []


def test_tests_that_the_security_page_names_exist() -> None:
    """Where it says they are."""
    named = set(re.findall(r"`(test_\w+)`", page("security.md")))
    folders = (ROOT / "tests" / "sandbox", ROOT / "tests" / "observe")
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("test_*.py")
    )
    assert len(named) > 30
    assert sorted(name for name in named if f"def {name}(" not in sources) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    """Relative ones; those to other sites are not asked."""
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_in_examples_can_be_called(path: Path) -> None:
    """Every `grader …` in an indented example is a command with options that it knows."""
    for line in re.findall(
        r"^    (?:\$ )?(?:\.venv/bin/)?(grader .*)$", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        words = [word.strip("[]…") for word in shlex.split(line.partition("|")[0], comments=True)[1:]]
        name = next((name for name in COMMANDS if f" {name} " in f" {' '.join(words)} "), None)
        assert name is not None, line
        known = {option for found in COMMANDS[name].params for option in found.opts}
        assert [word for word in words if word.startswith("--") and word not in known] == [], line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_make_targets_exist(path: Path) -> None:
    """Every `make …` that a page names."""
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^    )make ([a-z0-9-]+)", text, re.MULTILINE)
    assert set(named) <= targets


@pytest.fixture
def worked_example() -> Exercise:
    """The exercise of the author's guide."""
    return load(EXAMPLE)


def test_the_worked_example_is_an_exercise(worked_example: Exercise) -> None:
    """It loads, and has samples enough."""
    assert structure(worked_example).ok


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.slow
def test_the_worked_example_proves_itself() -> None:
    """By the very command that the guide shows."""
    command = [sys.executable, "-m", "grader", "--exercises", str(EXAMPLE.parent), "verify", EXAMPLE.name]
    result = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["9 of 9 proven"]), result.stderr
