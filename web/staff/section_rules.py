"""The page on which instructors pause sections, and say until when, how often, and which answers count."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask import redirect as to
from werkzeug.wrappers import Response as Redirect

from grader.exercise.path import SECTIONS
from web import wording
from web.identity import acting, instructors_only, staff_only
from web.language import gettext
from web.services import services
from web.staff.deadlines import deadline_sent
from web.staff.finding import workshop_named
from worker.rules import NONE, Rule
from worker.workshops import Workshop

blueprint = Blueprint("section_rules", __name__)

_MOST_ATTEMPTS: Final = 1_000


@blueprint.get("/workshops/<int:identity>/rules")
@staff_only
def overview(identity: int) -> str:
    """Show the rules of every section."""
    return _page(workshop_named(identity), "", None)


@blueprint.post("/workshops/<int:identity>/rules")
@instructors_only
def change(identity: int) -> tuple[str, int] | Redirect:
    """Let other rules hold for a section."""
    workshop = workshop_named(identity)
    section = request.form.get("section", "")
    if section not in _sections():
        abort(404, gettext("There is no such section."))
    try:
        rule = Rule(
            request.form.get("paused") == "1",
            deadline_sent(),
            _number(request.form.get("late_percent", "").strip(), 0, 100),
            _number(request.form.get("most_attempts", "").strip(), 1, _MOST_ATTEMPTS),
            request.form.get("counts") == "last",
        )
    except ValueError:
        problem = gettext(
            "A deadline looks like 2030-06-21T17:30, lateness costs from 0 to 100 percent, "
            "and attempts are from 1 to %(most)s.",
            most=_MOST_ATTEMPTS,
        )
        return _page(workshop, section, problem), 422
    services().store.rules.set(workshop.id, section, rule, acting())
    services().changed(workshop)
    flash(
        gettext("Section %(section)s: no rules of its own.", section=section)
        if rule == NONE
        else gettext("Section %(section)s: %(rules)s.", section=section, rules=wording.rule(rule))
    )
    return to(url_for("section_rules.overview", identity=identity), 303)


def _number(given: str, least: int, most: int) -> int | None:
    if not given:
        return None
    if not given.isascii() or not least <= (number := int(given)) <= most:
        raise ValueError(given)
    return number


def _sections() -> list[str]:
    return list(dict.fromkeys(exercise.section for exercise in services().exercises.values()))


def _page(workshop: Workshop, wrong: str, problem: str | None) -> str:
    return render_template(
        "rules.html",
        workshop=workshop,
        sections=_sections(),
        titles=SECTIONS,
        rules=services().store.rules.of(workshop.id),
        without=NONE,
        wrong=wrong,
        problem=problem,
    )
