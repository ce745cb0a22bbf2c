"""The page that says who did what: sign-ins, settings, scores, lists and exports."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request

from web.identity import instructors_only, staff_only
from web.language import gettext
from web.services import services
from web.staff.finding import workshop_named
from worker.audit import Action

blueprint = Blueprint("trail", __name__)

_ON_A_PAGE: Final = 100


def words() -> dict[Action, str]:
    """Return what each action is called."""
    return {
        Action.SIGN_IN: gettext("signed in"),
        Action.SIGN_IN_FAILED: gettext("failed to sign in"),
        Action.SIGN_OUT: gettext("signed out"),
        Action.FREEZE: gettext("froze the scoreboard"),
        Action.UNFREEZE: gettext("unfroze the scoreboard"),
        Action.DEADLINE: gettext("set the deadline"),
        Action.RULES: gettext("changed the rules of a section"),
        Action.ANONYMOUS: gettext("took the names off the scoreboard"),
        Action.NAMES: gettext("put the names on the scoreboard"),
        Action.REGRADE: gettext("had verdicts judged again"),
        Action.REGRADE_RUN: gettext("had answers run again, for a look"),
        Action.REGRADE_APPLIED: gettext("applied a regrade"),
        Action.REGRADE_DISCARDED: gettext("discarded a regrade"),
        Action.SCORE: gettext("changed a score by a regrade"),
        Action.RUN_AGAIN: gettext("had a submission run again"),
        Action.CANCEL: gettext("cancelled a submission"),
        Action.OVERRIDE: gettext("set a score by hand"),
        Action.OVERRIDE_REVOKED: gettext("revoked a score set by hand"),
        Action.IMPORT: gettext("imported participants"),
        Action.EXPORT: gettext("exported results"),
        Action.WORKSHOP_OPENED: gettext("opened a workshop"),
        Action.WORKSHOP_ARCHIVED: gettext("archived the workshop"),
        Action.WORKSHOP_RESTORED: gettext("restored the workshop"),
        Action.WORKSHOP_DELETED: gettext("deleted a workshop"),
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
        words=words(),
        action=action,
        participant_name=participant,
    )
