"""Judges stored evidence again, in the background of a worker, by the checks as they are now."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from grader.errors import GraderError, SandboxError
from grader.exercise.catalogue import Catalogue, folders
from grader.judge import graded
from grader.judging import Judges
from grader.model import Exercise, Report
from grader.report import json
from worker.regrade import Candidate, Regrade, Rejudged
from worker.settings import ServiceSettings
from worker.store import Store

_MOST_PROBLEMS: Final = 5
_LOG = logging.getLogger(__name__)


class Rejudging:
    """What one worker does with regrades, one at a time; grading has children of its own and goes on."""

    def __init__(
        self, name: str, settings: ServiceSettings, store: Store, more_exercises: Iterable[Path] = ()
    ) -> None:
        self._name = name
        self._settings = settings
        self._store = store
        self._more_exercises = tuple(more_exercises)

    def turn(self) -> bool:
        """Do the regrade that waits the longest; return ``False`` where none waits."""
        regrade = self._store.regrade_claims.claim(self._name)
        if regrade is None:
            return False
        _LOG.info("regrade %d begins", regrade.id)
        try:
            done = self._judge_all(regrade)
        except GraderError as error:
            done = self._store.regrade_claims.finish(
                regrade, self._name, unjudged=0, error=str(error), failed=True
            )
        _LOG.info("regrade %d %s", regrade.id, "is ready" if done else "was taken away")
        return True

    def _judge_all(self, regrade: Regrade) -> bool:
        """Judge by the exercises as they are on the disk now, whatever this worker read when it began."""
        catalogue = Catalogue(folders(self._settings.grader, self._more_exercises))
        wanted = catalogue.usable() if regrade.exercise is None else _usable(catalogue, regrade.exercise)
        claims = self._store.regrade_claims
        problems: dict[str, str] = {}
        unjudged = 0
        with Judges(wanted, size=1) as judges:
            for candidates in claims.candidates(regrade):
                found: list[Rejudged] = []
                for candidate in candidates:
                    try:
                        report = _rejudge(judges, catalogue.get(candidate.exercise), candidate)
                    except SandboxError:
                        raise
                    except GraderError as error:
                        unjudged += 1
                        problems[candidate.exercise] = str(error)
                    else:
                        found += [Rejudged(candidate, report)] if report is not None else []
                if not claims.store(regrade, self._name, len(candidates), found):
                    return False
        told = "; ".join(f"{slug}: {reason}" for slug, reason in list(problems.items())[:_MOST_PROBLEMS])
        return claims.finish(regrade, self._name, unjudged=unjudged, error=told, failed=False)


def _usable(catalogue: Catalogue, slug: str) -> tuple[Exercise, ...]:
    try:
        return (catalogue.get(slug),)
    except GraderError:
        return ()  # each of its verdicts says so


def _rejudge(judges: Judges, exercise: Exercise, candidate: Candidate) -> Report | None:
    """Return the new report, or ``None`` where the old one says the same."""
    old = json.from_json(candidate.report)
    results = judges.judge(exercise, candidate.evidence)
    if results == old.checks:
        return None
    return graded(exercise, candidate.participant, results, old.timing, candidate.address)
