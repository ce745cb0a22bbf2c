"""Which feedback an exercise declares is read from its files, and each has a sample that provokes it."""

from __future__ import annotations

from pathlib import Path

from grader.exercise import feedback_names, samples
from grader.exercise.folder import load

BUNDLED = Path(__file__).parents[2] / "exercises"


def test_reads_names_however_they_are_given(tmp_path: Path) -> None:
    tmp_path.joinpath("checks.py").write_text(
        "from .other import late\n"
        "def one(build, found):\n"
        "    return Feedback('plain', 'It is plain.')\n"
        "def two(build, found):\n"
        "    return Feedback(name='keyword', message='It has a name.')\n"
        "def three(build, found):\n"
        "    return Feedback('few' if found else 'many' if build else 'none', 'It depends.')\n"
        "def four(build, found):\n"
        "    return Feedback(f'computed-{found}', 'Nobody knows.') if found else no_image(build)\n"
    )
    tmp_path.joinpath("other.py").write_text("late = Feedback('elsewhere', 'It is in another module.')\n")
    spelled_out = {"plain", "keyword", "few", "many", "none", "elsewhere"}
    assert feedback_names.declared(tmp_path) == spelled_out | {"build-failed"}


def test_every_feedback_of_the_bundled_exercises_has_a_sample() -> None:
    exercises = [load(manifest.parent) for manifest in BUNDLED.glob("*/exercise.toml")]
    unprovoked = {
        (exercise.slug, name)
        for exercise in exercises
        for name in feedback_names.declared(exercise.folder)
        - {sample.feedback for sample in samples.find(exercise)}
    }
    assert len(exercises) > 40
    assert unprovoked == set()
