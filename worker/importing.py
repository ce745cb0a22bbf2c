"""Takes over what a batch has graded: participants, verdicts and evidence."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import insert

from grader import bundles
from grader import evidence as evidence_format
from grader.errors import BundleError
from grader.model import Report
from grader.report import json
from worker.people import Participant
from worker.store import Store
from worker.submission import State
from worker.tables import submissions


def import_results(store: Store, workshop_id: int, reports: Iterable[Report], evidence: Path | None) -> int:
    """Add the reports of a batch that are not there yet; return how many were added.

    Args:
        store: Where they go.
        workshop_id: Of the workshop; participants are found by name, or added.
        reports: The reports.
        evidence: Folder of their evidence bundles, or ``None``.

    Raises:
        GraderError: A participant's name cannot be one here.
    """
    added = 0
    for report in reports:
        found = store.people.by_name(workshop_id, report.participant)
        if found is None:
            found, _ = store.people.add_participant(workshop_id, report.participant, imported=True)
        added += _add(store, found, report, evidence)
    return added


def _add(store: Store, participant: Participant, report: Report, folder: Path | None) -> bool:
    document = json.to_json(report)
    key = f"imported-{hashlib.sha256(document).hexdigest()}"
    if store.submissions.by_key(participant.id, key) is not None:
        return False
    packed = _packed(report, folder)
    now = store.database.now()
    with store.database.write() as connection:
        connection.execute(
            insert(submissions).values(
                id=secrets.token_hex(16),
                workshop_id=participant.workshop_id,
                participant_id=participant.id,
                exercise=report.exercise,
                state=(State.GRADED if report.status == "graded" else State.UNGRADABLE).value,
                attempt=1,
                turn=0,
                created_at=now,
                finished_at=now,
                score=report.score,
                max_score=report.max_score,
                passed=report.passed,
                report=document,
                evidence=report.evidence if packed is not None else None,
                error=report.error,
                idempotency_key=key,
            )
        )
        if packed is not None and report.evidence is not None:
            store.claims.keep_evidence(connection, report.evidence, packed)
    return True


def _packed(report: Report, folder: Path | None) -> bytes | None:
    if report.evidence is None or folder is None:
        return None
    try:
        bundle = bundles.read(str(folder / bundles.file_name(report.evidence)))
    except BundleError:
        return None  # the verdict counts; what it rests on was not kept
    return zlib.compress(evidence_format.to_json(bundle.evidence), 1)
