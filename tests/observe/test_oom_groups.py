"""Kills whose groups the kernel log did not name."""

from __future__ import annotations

from grader.evidence import OomKill
from grader.observe.cgroups import Pressure
from grader.observe.oom_groups import place

UNNAMED = OomKill(None, None, 7, "tail", 0)
NAMED = OomKill("/w", "/w", 6, "tail", 0)
QUIET = Pressure(0, False, frozenset())


def test_the_only_group_that_counted_a_victim() -> None:
    groups = {"/": QUIET, "/w": Pressure(2, True, frozenset()), "/x": Pressure(0, True, frozenset())}
    placed = OomKill("/w", "/w", 7, "tail", 0)
    assert place([NAMED, UNNAMED], groups) == (NAMED, placed)


def test_a_limit_above_the_victim() -> None:
    groups = {"/": QUIET, "/a": Pressure(0, True, frozenset()), "/a/b": Pressure(1, False, frozenset())}
    assert place([UNNAMED], groups) == (OomKill("/a", "/a/b", 7, "tail", 0),)


def test_two_limits_around_the_victim_are_one_too_many() -> None:
    groups = {"/": Pressure(0, True, frozenset()), "/w": Pressure(1, True, frozenset())}
    assert place([UNNAMED], groups) == (OomKill(None, "/w", 7, "tail", 0),)


def test_two_groups_with_victims_are_told_apart_by_their_members() -> None:
    one, other = Pressure(1, True, frozenset({7})), Pressure(1, True, frozenset({8}))
    assert place([UNNAMED], {"/v": other, "/w": one}) == (OomKill("/w", "/w", 7, "tail", 0),)
    unseen = Pressure(1, True, frozenset())
    assert place([UNNAMED], {"/v": unseen, "/w": unseen}) == (UNNAMED,)


def test_what_the_log_names_is_left_alone() -> None:
    assert place([NAMED], {"/": QUIET, "/x": Pressure(5, True, frozenset({6}))}) == (NAMED,)


def test_a_kill_that_no_group_counted() -> None:
    assert place([UNNAMED], {"/": QUIET, "/w": Pressure(0, True, frozenset({7}))}) == (UNNAMED,)


def test_a_name_that_begins_like_another() -> None:
    groups = {"/w": Pressure(0, True, frozenset()), "/ww": Pressure(1, True, frozenset())}
    assert place([UNNAMED], groups) == (OomKill("/ww", "/ww", 7, "tail", 0),)
