"""Values are drawn for each participant: always the same, evenly, and from a secret that is kept."""

from __future__ import annotations

import dataclasses
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.errors import ExerciseError, GraderError, SubmissionError
from grader.exercise import load
from grader.model import Exercise, ParameterSpec, ProbeSpec, Watch
from grader.parameters import draw, fill, fill_bytes, fill_exercise, require_known, workshop_secret
from grader.settings import Settings
from tests.literals import write_exercise

SPECS = {
    "number": ParameterSpec(minimum=-3, maximum=3),
    "word": ParameterSpec(choices=("red", "green", 7)),
    "key": ParameterSpec(token_length=8),
}


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    return replace(load(write_exercise(tmp_path_factory.mktemp("e"))), parameters=SPECS)


def test_the_same_participant_gets_the_same_values(exercise: Exercise) -> None:
    first = draw(exercise, "ada", lambda: "s3cret")
    assert draw(exercise, "ada", lambda: "s3cret") == first
    # Kept for ever: values that participants were given must not change with a new version.
    assert first == {"number": 1, "word": 7, "key": "ek8i24kg"}


@pytest.mark.parametrize(("who", "secret"), [("bob", "s3cret"), ("ada", "other")])
def test_another_participant_or_secret_gets_others(exercise: Exercise, who: str, secret: str) -> None:
    assert draw(exercise, who, lambda: secret) != draw(exercise, "ada", lambda: "s3cret")


def test_no_secret_is_asked_for_without_parameters(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError

    assert draw(load(write_exercise(tmp_path)), "ada", never) == {}


def test_numbers_are_even(exercise: Exercise) -> None:
    counts = Counter(draw(exercise, f"p{number}", lambda: "x")["number"] for number in range(7_000))
    assert set(counts) == {-3, -2, -1, 0, 1, 2, 3}
    # Chi-squared with 6 degrees of freedom: above 22.5 once in a thousand, and this draw never changes.
    assert sum((count - 1_000) ** 2 / 1_000 for count in counts.values()) < 22.5


def test_tokens_begin_with_a_letter_and_avoid_what_is_misread(exercise: Exercise) -> None:
    tokens = [str(draw(exercise, f"p{number}", lambda: "x")["key"]) for number in range(500)]
    assert len(set(tokens)) == 500
    assert all(len(token) == 8 and token[0].isalpha() and not set(token) & set("01lo") for token in tokens)


def test_a_name_with_nul_cannot_borrow_anothers_values(exercise: Exercise) -> None:
    with pytest.raises(SubmissionError, match="NUL"):
        draw(exercise, "ada\0status", lambda: "x")


@given(st.text().filter(lambda name: "\0" not in name))
def test_every_name_gets_values_in_range(name: str) -> None:
    from grader.parameters import _draw_one

    value = _draw_one(SPECS["number"], b"key", name.encode("utf-8", "backslashreplace"))
    assert isinstance(value, int)
    assert -3 <= value <= 3


def test_the_secret_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    first = workshop_secret(settings)
    assert len(first) == 64
    assert workshop_secret(settings) == first
    assert stat.S_IMODE((tmp_path / "state/secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["secret"]
    assert workshop_secret(dataclasses.replace(settings, secret="mine")) == "mine"


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from grader.parameters import workshop_secret; "
        "from grader.settings import Settings; sys.stdin.read(); "
        f"print(workshop_secret(Settings(state_dir=Path({str(tmp_path / 'state')!r}))))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin
        process.stdin.close()
    found = {process.stdout.read() for process in started if process.stdout}
    assert [process.wait() for process in started] == [0] * 4
    assert len(found) == 1


def test_an_unusable_secret_is_explained(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(GraderError, match="is empty"):
        workshop_secret(Settings(state_dir=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(GraderError, match="GRADER_SECRET"):
        workshop_secret(Settings(state_dir=tmp_path / "file"))


def test_fills_texts_bytes_and_structures() -> None:
    values = {"port": 80, "word": "red"}
    assert fill("{{ port }} {{word}} {{ other }} {{.Name}}", values) == "80 {{word}} {{ other }} {{.Name}}"
    assert fill_bytes(b"\xff{{ word }}\0", values) == b"\xffred\0"
    assert fill("no braces", values) == "no braces"


def test_fills_an_exercise(exercise: Exercise) -> None:
    written = replace(
        exercise,
        text="{{ port }}",
        watch=Watch(layers=("a:{{ port }}",), search=("{{ port }}",)),
        probes=(ProbeSpec("p", "run", {"command": ["x", "{{ port }}"], "env": {"P": "{{ port }}"}, "n": 3}),),
    )
    found = fill_exercise(written, {"port": 80})
    assert (found.text, found.watch.layers, found.watch.search) == ("80", ("a:80",), ("80",))
    assert found.probes[0].options == {"command": ["x", "80"], "env": {"P": "80"}, "n": 3}
    assert fill_exercise(written, {}) is written


def test_unknown_parameters_are_placed() -> None:
    require_known("f: $", {"a": ["{{ known }}", 1, None]}, {"known": 1})
    with pytest.raises(ExerciseError, match=r"f: \$\.a\[1\]: \{\{ x \}\} is no parameter"):
        require_known("f: $", {"a": ["", "{{ x }}"]}, {"known": 1})
