"""What a benchmark says: samples, their medians and tails, and limits that hold or do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Samples:
    """Raw measurements of one thing, in the order in which they were taken."""

    unit: str
    values: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return quantile(self.values, 0.5)

    @property
    def p95(self) -> float:
        """What 95 of 100 do not exceed."""
        return quantile(self.values, 0.95)

    @property
    def p99(self) -> float:
        """What 99 of 100 do not exceed."""
        return quantile(self.values, 0.99)


@dataclass(frozen=True, slots=True)
class Row:
    """One limit and what was measured against it."""

    title: str
    measured: float
    sense: Sense
    limit: float
    unit: str
    detail: str

    @property
    def holds(self) -> bool:
        """Whether the measured figure keeps the limit."""
        return self.measured <= self.limit if self.sense == "at most" else self.measured >= self.limit


@dataclass(frozen=True, slots=True)
class Measured:
    """What one benchmark found."""

    name: str
    rows: tuple[Row, ...]
    samples: Mapping[str, Samples]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed; the middle for a half.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    if share == 0.5 and len(ordered) % 2 == 0:
        middle = len(ordered) // 2
        return (ordered[middle - 1] + ordered[middle]) / 2
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(one: Samples, other: Samples) -> float:
    """Return how many times the median of `other` the median of `one` is."""
    return one.p50 / other.p50


def best(rates: Mapping[str, Samples]) -> tuple[str, Samples]:
    """Return the entry with the highest median."""
    return max(rates.items(), key=lambda entry: entry[1].p50)
