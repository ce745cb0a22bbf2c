"""Writes what was measured: a table for people, JSON with every sample for later comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.table import Table

from bench.figures import Measured, Row, Samples

SCHEMA = 1


def to_tables(measured: Iterable[Measured]) -> list[Table]:
    """Return the table of limits and the table of samples."""
    limits = Table("what", "limit", "measured", "verdict", "in detail", title="Limits", title_justify="left")
    samples = Table("samples", "count", "p50", "p95", "unit", title="Samples", title_justify="left")
    for column in (1, 2):
        limits.columns[column].justify = "right"
        samples.columns[column].justify = "right"
    samples.columns[3].justify = "right"
    for part in measured:
        for row in part.rows:
            limits.add_row(*_limit_cells(row))
        for name, taken in part.samples.items():
            samples.add_row(*_sample_cells(f"{part.name}: {name}", taken))
    return [limits, samples]


def to_json(facts: Mapping[str, object], measured: Sequence[Measured]) -> bytes:
    """Return everything as JSON, schema 1."""
    document = {
        "schema": SCHEMA,
        "machine": facts,
        "limits": [
            {
                "benchmark": part.name,
                "title": row.title,
                "sense": row.sense,
                "limit": row.limit,
                "measured": row.measured,
                "unit": row.unit,
                "holds": row.holds,
                "detail": row.detail,
            }
            for part in measured
            for row in part.rows
        ],
        "samples": {
            part.name: {
                name: {"unit": taken.unit, "p50": taken.p50, "p95": taken.p95, "values": taken.values}
                for name, taken in part.samples.items()
            }
            for part in measured
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def figure(number: float) -> str:
    """Return a number with three significant digits, without an exponent."""
    if number == 0:
        return "0"
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2 if abs(number) >= 1 else 3
    return f"{number:.{digits}f}"


def _limit_cells(row: Row) -> tuple[str, ...]:
    unit = f" {row.unit}" if row.unit else ""
    verdict = "[green]holds[/]" if row.holds else "[red]does not hold[/]"
    limit = f"{row.sense} {row.limit:g}{unit}"
    return row.title, limit, f"{figure(row.measured)}{unit}", verdict, row.detail


def _sample_cells(name: str, taken: Samples) -> tuple[str, ...]:
    return name, str(len(taken.values)), figure(taken.p50), figure(taken.p95), taken.unit
