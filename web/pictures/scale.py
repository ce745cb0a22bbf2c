"""Maps moments and sizes onto a picture's own coordinates, with round values along its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from web.pictures.words import moment, size

WIDTH: Final = 720
_FARTHEST: Final = float(1 << 60)  # evidence may say anything; a picture must still have an edge


@dataclass(frozen=True, slots=True)
class Tick:
    """A round value along an edge."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight way from values to coordinates; values beyond its ends lie at its ends."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value lies, to a tenth."""
        span = self.high - self.low
        share = (bounded(value) - self.low) / span if span > 0 else 0.0
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)


def bounded(value: float) -> float:
    """Return a value that can be calculated with."""
    return float(min(max(value, -_FARTHEST), _FARTHEST))


def moments(scale: Scale, most: int = 6) -> tuple[Tick, ...]:
    """Return round moments, in milliseconds, along a scale."""
    return tuple(Tick(scale.at(value), moment(value)) for value in rounded(scale.low, scale.high, most))


def sizes(scale: Scale, most: int = 4) -> tuple[Tick, ...]:
    """Return round sizes, in bytes, along a scale."""
    return tuple(
        Tick(scale.at(value), size(value))
        for value in rounded(scale.low, scale.high, most, leading=(1,), base=2)
    )


def rounded(
    low: float, high: float, most: int, *, leading: Sequence[int] = (1, 2, 5), base: int = 10
) -> list[float]:
    """Return at most `most` + 1 round values from `low` to `high`, in steps of one of `leading`."""
    span = high - low
    power = 1
    while not any(span / (power * first) <= most for first in leading):
        power *= base
    step = next(power * first for first in leading if span / (power * first) <= most)
    first = -(-low // step)  # the first one that is not below
    return [(first + number) * step for number in range(int(high // step - first) + 1)]


def thinned(count: int, most: int) -> list[int]:
    """Return at most so many of `count` places, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(number * (count - 1) / (most - 1)) for number in range(most)})
