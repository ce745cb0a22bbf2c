"""Who has solved what: the standings of a workshop, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import render_template, url_for
from markupsafe import Markup, escape
from msgspec import structs

from grader.model import Exercise
from grader.report.wording import points
from web.language import current, gettext
from web.services import services
from web.standings.pseudonyms import pseudonym
from worker.submission import Standing
from worker.workshops import Workshop


@dataclass(frozen=True, slots=True)
class Row:
    """One participant.

    Attributes:
        place: Participants with the same score, reached in whatever time, share it.
        last_at: When the last point was reached, in seconds since 1970.
    """

    place: int
    participant_id: int
    name: str
    score: float
    solved: int
    last_at: float
    cells: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Board:
    """A scoreboard: exercises in the workshop's order, participants by their points.

    Attributes:
        first: Who solved an exercise first, by slug.
    """

    exercises: tuple[Exercise, ...]
    rows: tuple[Row, ...]
    first: Mapping[str, str]


def board(workshop: Workshop, until: float | None = None, *, names: bool = False) -> Board:
    """Return the scoreboard of a workshop.

    Args:
        workshop: Whose it is.
        until: As it stood at a time in seconds since 1970.
        names: Whether names are shown even where the workshop shows none.
    """
    found = services().exercises
    standings = [
        standing
        for standing in services().store.gradebook.standings(
            workshop.id, until=until, rules=services().rules(workshop.id)
        )
        if standing.exercise in found
    ]
    if workshop.anonymous and not names:
        standings = [
            structs.replace(standing, participant=pseudonym(workshop, standing.participant_id))
            for standing in standings
        ]
    return Board(tuple(found.values()), _ranked(standings), _first(standings))


def table(
    workshop: Workshop,
    mine: int | None,
    until: float | None = None,
    *,
    links: bool = False,
    names: bool = False,
) -> Markup:
    """Return the scoreboard as HTML, with the row of one participant marked; `until` as for `board`.

    A whole class looks at it at once: it is made once a second at most.

    Args:
        workshop: Whose it is.
        mine: Whose row is marked.
        until: What came later is not shown.
        links: Whether each cell leads to its attempts, for instructors.
        names: As for `board`.
    """
    found = services()
    key = workshop.id, until, links, workshop.anonymous and not names, str(current())
    made = found.boards.get(key)
    if made is None:
        with found.board_lock:
            made = found.boards.get(key) or found.boards.put(
                key, _render(board(workshop, until, names=names), links)
            )
    row = f'<tr id="p{mine}"><th scope="row">'
    you = escape(gettext("you"))
    marked = f'<tr id="p{mine}" class="me"><th scope="row"><span class="mine">{you}</span> '
    return Markup(made.replace(row, marked, 1))  # noqa: S704  rendered by a template of ours


def _render(found: Board, links: bool) -> str:
    if not found.rows:
        return ""
    slugs = [exercise.slug for exercise in found.exercises]
    # An address is the same but for its end: to make twelve thousand of them takes longer than all the rest.
    place = url_for("drilldown.participant", identity=0).removesuffix("0") if links else ""
    first = Markup('<span class="first" title="{}">★</span>').format(gettext("first to solve it"))
    by_hand = Markup('<span title="{}">*</span>').format(gettext("set by hand"))
    rows = [(row, _cells(found, row, slugs, place, first, by_hand)) for row in found.rows]
    return render_template("board.html", board=found, rows=rows, place=place)


def _cells(found: Board, row: Row, slugs: Sequence[str], place: str, first: str, by_hand: str) -> Markup:
    """Return the cells of a row: three hundred rows of forty take a template several times as long.

    Args:
        found: The scoreboard.
        row: Of it.
        slugs: Of the exercises, in their order.
        place: Where the addresses of cells begin, if they are links.
        first: What marks who was first, as HTML.
        by_hand: What marks a score that was set by hand, as HTML.
    """
    cells: list[str] = []
    for slug in slugs:
        cell = row.cells.get(slug)
        if cell is None:
            cells.append("<td></td>")
            continue
        kind, shown = (
            ("done", "✓") if cell.passed else ("some", points(cell.score)) if cell.score else ("none", "✗")
        )
        if cell.passed and found.first.get(slug) == row.name:
            shown += first
        if cell.by_hand:
            shown += by_hand
        if place:
            shown = f'<a href="{place}{row.participant_id}/exercises/{slug}">{shown}</a>'
        cells.append(f'<td class="{kind}">{shown}</td>')
    return Markup("".join(cells))  # noqa: S704  slugs and numbers, nothing that anybody typed


def _ranked(standings: list[Standing]) -> tuple[Row, ...]:
    by_participant: dict[tuple[int, str], dict[str, Standing]] = {}
    for standing in standings:
        by_participant.setdefault((standing.participant_id, standing.participant), {})[standing.exercise] = (
            standing
        )
    unplaced = [
        Row(
            0,
            identity,
            name,
            round(sum(cell.score for cell in cells.values()), 6),
            sum(cell.passed for cell in cells.values()),
            max((cell.at for cell in cells.values() if cell.score), default=0.0),
            cells,
        )
        for (identity, name), cells in by_participant.items()
    ]
    unplaced.sort(key=lambda row: (-row.score, row.last_at, row.name))
    rows: list[Row] = []
    for number, row in enumerate(unplaced, 1):
        tied = rows and rows[-1].score == row.score
        place = rows[-1].place if tied else number
        rows.append(replace(row, place=place))
    return tuple(rows)


def _first(standings: list[Standing]) -> dict[str, str]:
    first: dict[str, Standing] = {}
    for standing in standings:
        if standing.by_hand or not standing.passed:
            continue
        if standing.exercise not in first or standing.at < first[standing.exercise].at:
            first[standing.exercise] = standing
    return {slug: standing.participant for slug, standing in first.items()}
