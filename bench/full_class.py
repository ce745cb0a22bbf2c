"""A class as large as any: everybody has answered every exercise, with as much said as checks say."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import insert

from grader.judge import graded
from grader.model import CheckResult, Exercise, Feedback, Outcome, Timing
from grader.report.json import to_json
from worker.store import Store
from worker.submission import State
from worker.tables import participants, submissions

_SAID = Feedback(
    "no-kill",
    "The kernel killed nothing: the victim has to be in the container's own control group.",
    "a record of an OOM kill in the group of the answer",
    "no record, and 12 MiB of 64 MiB used at most <&> \N{GREEK SMALL LETTER ALPHA}",
    "Only what the kernel says of the group counts.",
)


def fill(store: Store, exercises: Sequence[Exercise], people: int) -> None:
    """Let so many people answer every exercise of the first workshop once, every other check in vain."""
    with store.database.write() as connection:
        connection.execute(insert(participants), list(_people(people)))
    for number in range(1, people + 1):
        with store.database.write() as connection:
            connection.execute(insert(submissions), list(_answers(number, exercises)))


def _people(count: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        name = f"Participant {number:04d}"
        key = {"name_key": name.casefold(), "token_digest": secrets.token_bytes(32)}
        yield {"id": number, "workshop_id": 1, "name": name, "session_version": 1, "created_at": 1.0, **key}


def _answers(number: int, exercises: Sequence[Exercise]) -> Iterator[dict[str, Any]]:
    for place, exercise in enumerate(exercises):
        results = tuple(
            CheckResult(check.name, check.title, Outcome.PASSED, check.points, check.points)
            if (number + place + at) % 2
            else CheckResult(check.name, check.title, Outcome.FAILED, 0.0, check.points, _SAID)
            for at, check in enumerate(exercise.checks)
        )
        digest = f"sha256:{number * 1000 + place:064x}"
        name = f"Participant {number:04d}"
        report = graded(exercise, name, results, Timing(1.0, 900.0, 9.0, 910.0), digest)
        yield {
            "id": f"{number * 1000 + place:032x}",
            "workshop_id": 1,
            "participant_id": number,
            "exercise": exercise.slug,
            "state": State.GRADED.value,
            "attempt": 1,
            "turn": 0,
            "created_at": 1_700_000_000.0 + place,
            "finished_at": 1_700_000_001.0 + place,
            "score": report.score,
            "max_score": report.max_score,
            "passed": report.passed,
            "report": to_json(report),
            "evidence": digest,
        }
