"""Pictures as values: where marks and labels stand, what is left out, and that they stay small."""

from __future__ import annotations

import re
import zlib
from itertools import pairwise

import pytest
from flask import Flask
from msgspec.structs import replace

from grader.evidence import Engine, Event, Oom, Run, Sample, to_json
from tests.web.made_evidence import (
    HOSTILE,
    MIB,
    evidence,
    group,
    image,
    kill,
    layer,
    process,
    processes,
    too_much,
)
from web import pictures
from web.pictures.events import Drawing, draw_events
from web.pictures.layers import draw_layers
from web.pictures.memory import draw_memory
from web.pictures.processes import draw_tree
from web.pictures.scale import WIDTH
from web.results import drawn


def engine(*images: object) -> Engine:
    return Engine(**(dict.fromkeys(Engine.__struct_fields__, ()) | {"images": images}))


def boxes(marks: object, letter: float) -> list[tuple[float, float, float]]:
    """Return row, left and right of every label."""
    return [
        (
            mark.label_y,
            mark.label_x - len(mark.label) * letter / 2,
            mark.label_x + len(mark.label) * letter / 2,
        )
        for mark in marks
        if mark.label
    ]


def apart(found: list[tuple[float, float, float]], width: float = WIDTH) -> bool:
    """Return whether no two labels of a row overlap, and none leaves the picture."""
    ordered = sorted(found)
    return all(one[0] != other[0] or one[2] <= other[1] for one, other in pairwise(ordered)) and all(
        left >= 0 and right <= width for _, left, right in ordered
    )


def test_thousands_of_samples_are_thinned_to_the_lowest_and_highest() -> None:
    found = draw_memory(evidence(cgroups=(group(20_000),)))
    assert found is not None
    (chart,) = found.charts
    assert 100 < len(chart.line.split()) <= 160
    heights = [float(point.partition(",")[2]) for point in chart.line.split()]
    whole = draw_memory(evidence(cgroups=(group(160),)))
    assert whole is not None
    assert chart.top < min(heights) < max(heights) == chart.bottom
    assert chart.dots == ()
    assert "20,000 samples, thinned out." in chart.facts
    assert len(chart.rows) == 24


@pytest.mark.parametrize("high_at", ["start", "end"])
def test_the_peak_is_named_where_the_curve_is_low(high_at: str) -> None:
    sizes = [50 * MIB] * 5 + [MIB] * 20
    samples = [
        Sample(100.0 * at, size) for at, size in enumerate(sizes if high_at == "start" else sizes[::-1])
    ]
    found = draw_memory(evidence(cgroups=(replace(group(0), samples=tuple(samples)),)))
    assert found is not None
    peak = found.charts[0].peak
    assert peak is not None
    assert peak.right == (high_at == "start")


def test_a_kill_without_a_moment_is_marked_at_the_last_sample_with_a_word_that_says_so() -> None:
    found = draw_memory(evidence(cgroups=(group(1, kills=1),), oom=Oom((kill(7, "zebra"),), {})))
    assert found is not None
    (chart,) = found.charts
    (mark,) = chart.marks
    assert mark.x == chart.dots[0][0]
    assert not mark.seen
    assert mark.label == "zebra, moment not seen: here is the last sample"
    assert chart.kills[0].at == "not seen"
    assert any("looked at only once" in fact for fact in chart.facts)


@pytest.mark.parametrize(("kills", "step"), [(3, 5.0), (12, 1.0), (200, 0.5)])
def test_names_of_kills_close_together_stand_apart(kills: int, step: float) -> None:
    seen = [process(at + 1, 1, at + 1, seen_ms=(0, 900 + step * at)) for at in range(kills)]
    found = draw_memory(
        evidence(
            cgroups=(group(100, kills=kills),),
            oom=Oom((*(kill(at + 1, "perl") for at in range(kills)), kill(9_999)), {}),
            processes=processes(*seen),
        )
    )
    assert found is not None
    (chart,) = found.charts
    assert apart(boxes(chart.marks, 7.0))
    unnamed = sum(1 for mark in chart.marks if not mark.label)
    assert any(f"{unnamed} name" in fact for fact in chart.facts) == bool(unnamed)
    assert [mark.seen for mark in chart.marks].count(False) == 1
    assert all(mark.label for mark in chart.marks if not mark.seen)
    assert all(mark.label_y < chart.top for mark in chart.marks)


def test_labels_of_events_stand_apart_and_say_how_many_are_left_out() -> None:
    told = tuple(Event(at * 0.5, "container", "exec_create", "c", {"name": "web"}) for at in range(60))
    line = draw_events(evidence(events=(*told, Event(9_000.0, "container", "die", "c", {"exitCode": "137"}))))
    assert line is not None
    for drawing in (line.wide, line.narrow):
        (lane,) = drawing.lanes
        assert apart(boxes(lane.marks, 6.0), drawing.layout.width)
        assert lane.marks[-1].label == "die 137"
        counted = [int(found[1]) for mark in lane.marks if (found := re.search(r" \+(\d+)$", mark.label))]
        assert sum(counted) == drawing.unlabelled == sum(1 for mark in lane.marks if not mark.label) > 0


def test_a_small_screen_has_the_same_lanes_and_events_with_less_beside_them() -> None:
    told = [Event(at * 40.0, "container", "start", f"{at % 3}", {"name": "web"}) for at in range(40)]
    line = draw_events(evidence(events=(*told, Event(1.0, "network", "create", "n", {"name": "shop"}))))
    assert line is not None

    def said(drawing: Drawing) -> list[object]:
        return [
            (lane.kind, lane.full, [(mark.at, mark.action, mark.looks) for mark in lane.marks])
            for lane in drawing.lanes
        ]

    assert said(line.wide) == said(line.narrow)
    assert line.narrow.unlabelled >= line.wide.unlabelled
    assert len(line.narrow.across) <= 5
    for drawing in (line.wide, line.narrow):
        at = drawing.layout
        assert all(at.left <= mark.x <= at.right for lane in drawing.lanes for mark in lane.marks)
        assert all(lane.y + at.lane <= drawing.bottom for lane in drawing.lanes)


def test_layers_say_what_they_add_remove_and_waste() -> None:
    made = image(layer(5, base=True), layer(6 * MIB, 2 * MIB), layer(1, prefix="/g", removes=("/f0",)))
    found = draw_layers(evidence(engine=engine(made)))
    assert found is not None
    (stack,) = found.stacks
    assert [bar.base for bar in stack.bars] == [True, False, False]
    assert stack.bars[1].width == 100
    assert stack.bars[1].wasted_width == 75
    assert stack.bars[1].wasted == "6 MiB"
    assert stack.bars[1].said == "8 MiB, adds 2, removes 0"
    assert stack.bars[2].removed == "/f0"
    assert 0 < stack.bars[2].width <= 0.5


def test_many_layers_leave_the_small_ones_of_the_base_out() -> None:
    made = image(*(layer(1, base=True) for _ in range(50)), *(layer(MIB) for _ in range(10)))
    found = draw_layers(evidence(engine=engine(made)))
    assert found is not None
    assert found.stacks[0].left_out == 44
    assert sum(1 for bar in found.stacks[0].bars if not bar.base) == 10


def test_the_tree_puts_children_below_parents_with_an_id_at_every_level() -> None:
    tree = draw_tree(
        evidence(
            processes=processes(
                process(100, 1, 1),
                process(300, 200, 9, 2),
                process(200, 100, 7, 1),
                process(400, 100, 8),
                alive=(100, 300),
            ),
            oom=Oom((kill(400),), {}),
        )
    )
    assert tree is not None
    assert [(node.host, node.depth) for node in tree.nodes] == [(100, 0), (200, 1), (300, 2), (400, 1)]
    assert [(cell.level, cell.pid) for cell in tree.nodes[2].cells] == [(0, 300), (1, 9), (2, 2)]
    assert [node.killed for node in tree.nodes] == [False, False, False, True]


def test_processes_in_a_circle_and_too_many_are_drawn() -> None:
    tree = draw_tree(evidence(processes=processes(process(1, 2, 1), process(2, 1, 2), process(3, 3, 3))))
    assert tree is not None
    assert len(tree.nodes) == 3
    chain = draw_tree(evidence(processes=processes(*(process(at, at - 1, at) for at in range(1, 900)))))
    assert chain is not None
    assert len(chain.nodes) + chain.left_out == 899
    assert max(node.depth for node in chain.nodes) <= 10


def test_too_much_of_everything_fits_and_is_harmless(app: Flask) -> None:
    with app.test_request_context("/"):
        page = drawn.to_html(pictures.draw(to_json(too_much())))
    assert len(page.encode()) < 150_000
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "left out" in page
    assert "style=" not in page


def test_output_is_cut_and_nothing_of_it_is_invisible(app: Flask) -> None:
    run = Run("exit", 0, "line\n" * 1_000_000, HOSTILE, False, 1.0)
    with app.test_request_context("/"):
        page = drawn.to_html(pictures.draw(to_json(evidence(run=run))))
    assert "4,994,000 more characters are not shown here" in page
    assert "\\x1b[2J" in page
    assert len(page) < 20_000


def test_pictures_are_drawn_once(app: Flask) -> None:
    asked: list[str] = []
    data = to_json(evidence(cgroups=(group(9),)))

    def load(digest: str) -> bytes:
        asked.append(digest)
        return data

    kept = drawn.Drawn()
    with app.test_request_context("/"):
        first = kept.get("one", load)
        assert kept.get("one", load) is first
        assert asked == ["one"]
        for place in range(200):
            kept.get(f"other {place}", load)
        kept.get("one", load)
    assert asked[-1] == "one"


def test_evidence_that_cannot_be_unpacked_is_said_to_be(app: Flask) -> None:
    def load(digest: str) -> bytes:
        return zlib.decompress(b"no archive")

    with app.test_request_context("/"):
        assert "cannot be read any more" in drawn.Drawn().get("one", load).html


def test_a_run_without_output_shows_none(app: Flask) -> None:
    run = Run("exit", 0, "", "", False, 1.0)
    with app.test_request_context("/"):
        assert "printed" not in drawn.to_html(pictures.draw(to_json(evidence(run=run))))
        assert "printed" in drawn.to_html(pictures.draw(to_json(evidence(run=replace(run, stdout="x")))))
