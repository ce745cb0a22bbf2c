"""Results as files for instructors to take away, and lists of participants that they bring."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, abort, render_template, request, url_for

from grader.report.csv import safe
from web.identity import acting, instructors_only, staff_only
from web.language import gettext
from web.services import services
from web.staff import exporting
from web.staff.finding import member_named, workshop_named
from web.wording import told
from worker.audit import Action, Deed
from worker.gradebook import Grade
from worker.roster import MOST, Enrolled, RosterError, read
from worker.workshops import Workshop

blueprint = Blueprint("exports", __name__)

_PIECE: Final = 64 << 10

_Writer = Callable[[Workshop, Iterable[Grade]], Iterable[bytes]]


def _moodle(workshop: Workshop, grades: Iterable[Grade]) -> Iterable[bytes]:
    members = services().store.roster.members(workshop.id)
    return exporting.to_moodle(grades, members, services().exercises)


FORMATS: Final[dict[str, tuple[str, str, _Writer]]] = {
    "results.csv": ("text/csv", "CSV", lambda _, grades: exporting.to_csv(grades)),
    "results.json": ("application/json", "JSON", lambda _, grades: exporting.to_json(grades)),
    "junit.xml": ("application/xml", "JUnit XML", lambda _, grades: exporting.to_junit(grades)),
    "gradescope.zip": ("application/zip", "Gradescope", lambda _, grades: [exporting.to_gradescope(grades)]),
    "moodle.csv": ("text/csv", "Moodle", _moodle),
}
"""By the name of the file: its type, what it is called, and what writes it."""


@blueprint.get("/workshops/<int:identity>/exports")
@staff_only
def overview(identity: int) -> str:
    """Show what can be taken away, and the form for a list of participants."""
    return _page(workshop_named(identity), None)


@blueprint.get("/workshops/<int:identity>/exports/<name>")
@staff_only
def export(identity: int, name: str) -> Response:
    """Give everybody's results as a file."""
    workshop = workshop_named(identity)
    if name not in FORMATS:
        abort(404, gettext("There is no such export."))
    mimetype, _, write = FORMATS[name]
    rules, gradebook = services().rules(workshop.id), services().store.gradebook
    content = _in_pieces(write(workshop, gradebook.grades(workshop.id, rules=rules)))
    services().store.audit.note(Deed(Action.EXPORT, acting(), workshop.id, after=name))
    return _download(content, mimetype, f"{workshop.slug}-{_today()}-{name}")


@blueprint.get("/participants/<int:identity>/results.json")
@staff_only
def one(identity: int) -> Response:
    """Give one participant's results as Gradescope reads them."""
    member = member_named(identity)
    rules = services().rules(member.workshop_id)
    content = exporting.to_results(
        list(services().store.gradebook.grades(member.workshop_id, member.id, rules=rules))
    )
    if content is None:
        abort(404, gettext("Nothing of this participant was graded yet."))
    deed = Deed(Action.EXPORT, acting(), member.workshop_id, member.name, after="results.json")
    services().store.audit.note(deed)
    return _download(content, "application/json", "results.json")


@blueprint.post("/workshops/<int:identity>/participants")
@instructors_only
def enrol(identity: int) -> tuple[str, int] | Response:
    """Take a list of participants; give it back with a personal link for each who is new, this once."""
    workshop = workshop_named(identity)
    uploaded = request.files.get("list")
    data = uploaded.read() if uploaded else b""
    try:
        listed = read(data or request.form.get("text", "").encode("utf-8", "replace"))
        found = services().store.roster.enrol(workshop.id, listed, acting())
    except RosterError as error:
        return _page(workshop, gettext("Nobody was added: %(why)s.", why=told(error))), 422
    return _download(_links(found), "text/csv", f"{workshop.slug}-links.csv")


def _links(enrolled: list[Enrolled]) -> bytes:
    base = f"{services().base_url()}{url_for('account.come_back')}"
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(("name", "id", "personal_link", "state"))
    for one in enrolled:
        link, state = (f"{base}#{one.token}", "added") if one.token else ("", "was there already")
        writer.writerow((safe(one.listed.name), safe(one.listed.external_id), link, state))
    return b"\xef\xbb\xbf" + sheet.getvalue().encode("utf-8")


def _in_pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same in pieces that are worth sending."""
    piece = bytearray()
    for part in content:
        piece += part
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _download(content: bytes | Iterator[bytes], mimetype: str, name: str) -> Response:
    found = Response(content, mimetype=mimetype)
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return found


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _page(workshop: Workshop, problem: str | None) -> str:
    return render_template(
        "exports.html",
        workshop=workshop,
        formats={name: label for name, (_, label, _) in FORMATS.items()},
        problem=problem,
        most=MOST,
    )
