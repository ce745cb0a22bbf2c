"""A task as participants read it, for instructors and assistants who have not joined."""

from __future__ import annotations

from flask import abort, render_template

from grader.model import Exercise
from grader.parameters import draw, fill
from web.identity import account
from web.services import services
from web.staff.finding import workshop_before
from web.tasks import markdown


def preview(exercise: Exercise) -> str:
    """Return the task with values that are drawn for the account that asks, and what is checked."""
    found = account()
    if found is None:
        abort(403)
    workshop = workshop_before(None)
    values = draw(exercise, found.name, lambda: workshop.secret)
    slugs = list(services().exercises)
    place = slugs.index(exercise.slug)
    return render_template(
        "preview.html",
        exercise=exercise,
        workshop=workshop,
        values=values,
        text=markdown.to_html(markdown.body(fill(exercise.text, values))),
        hints=[markdown.to_html(fill(hint, values)) for hint in exercise.hints],
        before=services().exercises[slugs[place - 1]] if place else None,
        after=services().following(exercise.slug),
    )
