"""What was handed in: its files to download, and what differs between two attempts."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request

from web.language import gettext
from web.reply import download
from web.results.differences import compare
from web.results.verdicts import visible
from web.services import services
from web.tasks.pages import FROM_START
from web.tasks.starting import pack, starting_texts
from web.tasks.submitting import parameters
from worker.submission import Submitted

blueprint = Blueprint("attempts", __name__)

_OFFERED = 50


@blueprint.get("/submissions/<identity>/files/<path:name>")
def file(identity: str, name: str) -> Response:
    """Give one of the files that were handed in."""
    content = services().store.submissions.files(visible(identity).id).get(name)
    if content is None:
        abort(404, gettext("This attempt has no such file."))
    return download(content, name.rpartition("/")[2])


@blueprint.get("/submissions/<identity>/files.zip")
def archive(identity: str) -> Response:
    """Give all files that were handed in."""
    submitted = visible(identity)
    files = services().store.submissions.files(submitted.id)
    if not files:
        abort(404, gettext("No files of this attempt were kept."))
    return download(pack(files), f"{submitted.exercise}-{submitted.id}.zip", "application/zip")


@blueprint.get("/submissions/<identity>/diff")
def diff(identity: str) -> str:
    """Show what changed from an earlier attempt, or from what everybody begins with, to this one."""
    new = visible(identity)
    attempts = services().store.submissions.of(new.participant_id, new.exercise, limit=_OFFERED)
    wanted = request.args.get("with", "")
    if wanted and wanted != FROM_START:
        old: Submitted | None = visible(wanted)
        if old is not None and (old.participant_id, old.exercise) != (new.participant_id, new.exercise):
            abort(404, gettext("These two are no attempts of one participant at one exercise."))
    else:
        earlier = (one for one in attempts if one.created_at < new.created_at)
        old = None if wanted == FROM_START else next(earlier, None)
    files = services().store.submissions.files
    return render_template(
        "diff.html",
        new=new,
        old=old,
        attempts=attempts,
        exercise=services().exercise(new.exercise),
        from_start=FROM_START,
        differences=compare(_start(new) if old is None else files(old.id), files(new.id)),
    )


def _start(submitted: Submitted) -> dict[str, bytes]:
    exercise = services().exercise(submitted.exercise)
    whose = services().store.people.participant(submitted.participant_id)
    if exercise is None or whose is None:
        return {}
    texts = starting_texts(exercise, parameters(exercise, whose))
    return {name: text.encode("utf-8") for name, text in texts.items()}
