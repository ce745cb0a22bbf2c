"""The catalogue finds exercises, and one that is broken hides no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import ExerciseError, GraderError
from grader.exercise.catalogue import Broken, Catalogue, UnknownExerciseError, folders
from grader.settings import Settings
from tests.literals import write_exercise


def test_a_broken_exercise_hides_no_other(tmp_path: Path) -> None:
    write_exercise(tmp_path, "good")
    write_exercise(tmp_path, "bad", manifest="title = 1")
    (tmp_path / "notes").mkdir()
    catalogue = Catalogue([tmp_path])
    assert catalogue.slugs == ("bad", "good")
    assert [exercise.slug for exercise in catalogue.usable()] == ["good"]
    found = catalogue.look_up("bad")
    assert isinstance(found, Broken)
    assert "bad/exercise.toml" in found.reason
    with pytest.raises(ExerciseError, match=r"bad/exercise\.toml"):
        catalogue.get("bad")


def test_slugs_sort_numbers_by_size(tmp_path: Path) -> None:
    expected = ("a2-b", "a10-b", "b1", "b1-a", "b1-a2", "b1-a10", "b9", "b10-a")
    for slug in sorted(expected):
        write_exercise(tmp_path, slug)
    assert Catalogue([tmp_path]).slugs == expected


def test_unknown_slugs_get_a_suggestion(tmp_path: Path) -> None:
    write_exercise(tmp_path, "oom-kill")
    with pytest.raises(UnknownExerciseError, match="did you mean oom-kill"):
        Catalogue([tmp_path]).get("oom-kil")
    with pytest.raises(UnknownExerciseError, match="there are none"):
        Catalogue([]).get("x")


def test_two_exercises_of_one_slug_are_an_error(tmp_path: Path) -> None:
    write_exercise(tmp_path / "a")
    write_exercise(tmp_path / "b")
    with pytest.raises(ExerciseError, match=r"two exercises are called status: .*a/status and .*b/status"):
        Catalogue([tmp_path / "a", tmp_path / "b"])
    assert Catalogue([tmp_path / "a", tmp_path / "a"]).slugs == ("status",)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraderError, match="nowhere"):
        Catalogue([tmp_path / "nowhere"])


def test_folders_come_from_project_settings_and_command(tmp_path: Path) -> None:
    settings = Settings(exercises=(tmp_path / "one",))
    found = folders(settings, [tmp_path / "two"])
    assert found[-2:] == [tmp_path / "one", tmp_path / "two"]
    assert found[0] == Path(__file__).parents[2] / "exercises"
