"""Writes the skeleton of a new exercise, which `verify` can prove as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grader.errors import GraderError
from grader.exercise.folder import SLUG

_FILES: Final[Mapping[str, str]] = {
    "exercise.toml": """\
title = "End with the right status"
section = "G"
profile = "plain"
minutes = 5
hints = ["A shell's `exit` takes a number."]

[[files]]
name = "answer.sh"
kind = "shell"

[parameters]
status = { min = 10, max = 99 }
""",
    "README.md": """\
# End with the right status

Write a shell script `answer.sh` that ends with exit status **{{ status }}**.
""",
    "checks.py": '''\
"""Judges by the exit status that the kernel reported for the answer."""

from grader.check import Evidence, Feedback, check


@check("The answer ends by itself")
def ends(evidence: Evidence) -> Feedback | None:
    """Look at how the run ended."""
    if evidence.run.ended == "exit" and evidence.run.exit_code != 0:
        return None
    return Feedback(
        "status-zero" if evidence.run.ended == "exit" else "no-end",
        "The script ended as if nothing was asked of it.",
        expected="an exit status other than 0",
        actual=str(evidence.run.exit_code),
    )


@check("Its exit status is the right one", points=2, after=("ends",))
def right_status(evidence: Evidence) -> Feedback | None:
    """Compare the exit status with the participant's value."""
    expected = evidence.parameters["status"]
    if evidence.run.exit_code == expected:
        return None
    return Feedback(
        "wrong-status",
        "The script ended with another status.",
        expected=str(expected),
        actual=str(evidence.run.exit_code),
    )
''',
    "submissions/accepted/plain/answer.sh": "exit {{ status }}\n",
    "submissions/accepted/subshell/answer.sh": "(exit {{ status }})\n",
    "submissions/rejected/status-zero/fake-print/answer.sh": 'echo "exit status {{ status }}"\n',
    "submissions/rejected/wrong-status/one/answer.sh": "exit 1\n",
    "submissions/rejected/wrong-status/signal/answer.sh": "sh -c 'kill -KILL $$'\n",
}


def write_skeleton(into: Path, slug: str) -> list[Path]:
    """Write a new exercise into the folder of exercises `into`; return the files.

    Raises:
        GraderError: The slug is none or taken, or nothing can be written there.
    """
    if not SLUG.fullmatch(slug):
        raise GraderError(f"{slug!r} is no slug: small letters, digits and single hyphens")
    folder = into / slug
    written = []
    try:
        into.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        for name, text in _FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except FileExistsError as error:
        raise GraderError(f"{folder} exists already") from error
    except OSError as error:
        raise GraderError(f"{error.filename}: {error.strerror}") from error
    return written
