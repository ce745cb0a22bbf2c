"""The benchmark's arithmetic: medians, tails, rates, verdicts, and what it writes."""

from __future__ import annotations

import time

import msgspec
import pytest
from rich.console import Console

from bench.figures import Measured, Row, Samples, best, quantile, ratio
from bench.output import figure, to_json, to_tables
from bench.parallel import paced, rate
from bench.phases import Phases


def _row(measured: float, sense: str = "at most", limit: float = 5.0) -> Row:
    return Row("something", measured, sense, limit, "ms", "in detail")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ((3.0, 1.0, 2.0), 0.5, 2.0),
        ((4.0, 1.0, 2.0, 3.0), 0.5, 2.5),
        ((7.0,), 0.95, 7.0),
        (tuple(map(float, range(1, 101))), 0.95, 95.0),
        (tuple(map(float, range(1, 11))), 0.95, 10.0),
    ],
)
def test_quantiles(values: tuple[float, ...], share: float, expected: float) -> None:
    """The median is the middle; a tail is a value that was measured."""
    assert quantile(values, share) == expected


def test_nothing_has_no_median() -> None:
    """A benchmark that measured nothing says so."""
    with pytest.raises(ValueError, match="no values"):
        quantile((), 0.5)


@pytest.mark.parametrize(
    ("sense", "measured", "holds"),
    [("at most", 5.0, True), ("at most", 5.1, False), ("at least", 5.0, True), ("at least", 4.9, False)],
)
def test_limits_include_themselves(sense: str, measured: float, holds: bool) -> None:
    """A figure that is just the limit keeps it."""
    assert _row(measured, sense).holds is holds


def test_medians_are_compared() -> None:
    """Ratios and the choice of the best rest on medians, whatever the outliers."""
    quick, slow = Samples("ms", (1.0, 2.0, 900.0)), Samples("ms", (8.0, 8.0, 1.0))
    assert ratio(quick, slow) == 0.25
    assert best({"quick": quick, "slow": slow}) == ("slow", slow)


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (0.0712, "0.071"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_figures_have_three_digits(number: float, shown: str) -> None:
    """No more than can be meant."""
    assert figure(number) == shown


def test_what_was_measured_is_written_down() -> None:
    """The table says what holds; JSON has every sample."""
    measured = [Measured("plain", (_row(4.0), _row(6.0)), {"graded": Samples("ms", (1.0, 2.0))})]
    console = Console(width=120, record=True, file=None, quiet=False, stderr=True)
    for table in to_tables(measured):
        console.print(table)
    text = console.export_text()
    assert "at most 5 ms" in text
    assert text.count("holds") == 1
    assert text.count("does not hold") == 1
    document = msgspec.json.decode(to_json({"processors": 2}, measured))
    assert document["machine"] == {"processors": 2}
    assert [limit["holds"] for limit in document["limits"]] == [True, False]
    assert document["samples"]["plain"]["graded"] == {
        "unit": "ms",
        "p50": 1.5,
        "p95": 2.0,
        "values": [1.0, 2.0],
    }


def test_all_work_is_done_once() -> None:
    """By however many workers."""
    done: list[int] = []
    assert rate(done.append, range(50), 4) > 0
    assert sorted(done) == list(range(50))


def test_failed_work_is_no_rate() -> None:
    """The first failure is raised."""

    def fail(number: int) -> None:
        raise ValueError(str(number))

    with pytest.raises(ValueError, match="0"):
        rate(fail, [0], 2)


def test_phases_are_measured_and_methods_put_back() -> None:
    """Afterwards the class is as it was."""

    class Something:
        def work(self) -> int:
            return 7

    before = Something.work
    phases = Phases()
    with phases.watch({"working": (Something, "work")}):
        assert Something().work() == 7
    assert Something.work is before
    assert len(phases.samples()["working"].values) == 1


def test_a_steady_rate_counts_what_waits() -> None:
    """Who is slow is late for the next one, too, and both are seen."""
    naps = {"quick": 0.0, "slow": 0.15}
    taken = paced(lambda name: time.sleep(naps[name]), ["quick", "slow"], 8, 20.0)
    assert len(taken.values) == 8
    quick, slow = sorted(taken.values)[:4], sorted(taken.values)[4:]
    assert quick[-1] < 100
    assert slow[-1] >= 4 * 150 - 3 * 100  # four naps, while one was due every 100 ms
    with pytest.raises(ZeroDivisionError):
        paced(lambda number: 1 // number, [1, 0], 8, 100.0)
