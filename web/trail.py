"""The page that says who did what: sign-ins, settings, scores, lists and exports."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request

from web.finding import workshop_named
from web.identity import instructors_only, staff_only
from web.services import services
from worker.audit import Action

blueprint = Blueprint("trail", __name__)

_ON_A_PAGE: Final = 100
WORDS: Final = {
    Action.SIGN_IN: "signed in",
    Action.SIGN_IN_FAILED: "failed to sign in",
    Action.SIGN_OUT: "signed out",
    Action.FREEZE: "froze the scoreboard",
    Action.UNFREEZE: "unfroze the scoreboard",
    Action.DEADLINE: "set the deadline",
    Action.RULES: "changed the rules of a section",
    Action.ANONYMOUS: "took the names off the scoreboard",
    Action.NAMES: "put the names on the scoreboard",
    Action.REGRADE: "had verdicts judged again",
    Action.REGRADE_APPLIED: "applied a regrade",
    Action.REGRADE_DISCARDED: "discarded a regrade",
    Action.SCORE: "changed a score by a regrade",
    Action.RUN_AGAIN: "had a submission run again",
    Action.CANCEL: "cancelled a submission",
    Action.OVERRIDE: "set a score by hand",
    Action.OVERRIDE_REVOKED: "revoked a score set by hand",
    Action.IMPORT: "imported participants",
    Action.EXPORT: "exported results",
    Action.WORKSHOP_OPENED: "opened a workshop",
    Action.WORKSHOP_ARCHIVED: "archived the workshop",
    Action.WORKSHOP_RESTORED: "restored the workshop",
    Action.WORKSHOP_DELETED: "deleted a workshop",
}


@blueprint.get("/workshops/<int:identity>/audit")
@staff_only
@instructors_only
def audit(identity: int) -> str:
    """Show the trail, the latest first."""
    workshop = workshop_named(identity)
    chosen = request.args.get("action", "")
    action = Action(chosen) if chosen in set(Action) else None
    participant = request.args.get("participant", "").strip()[:100]
    before = request.args.get("before", "")
    entries = services().store.audit.entries(
        workshop_id=workshop.id,
        action=action,
        participant=participant,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None,
        limit=_ON_A_PAGE + 1,
    )
    return render_template(
        "audit.html",
        workshop=workshop,
        entries=entries[:_ON_A_PAGE],
        more=len(entries) > _ON_A_PAGE,
        words=WORDS,
        action=action,
        participant_name=participant,
    )
