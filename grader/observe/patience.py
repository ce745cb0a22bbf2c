"""Gives answers more time on a machine that is slow."""

from __future__ import annotations

from msgspec import structs

from grader import probe
from grader.model import Exercise, ProbeSpec


def patient(exercise: Exercise, factor: float) -> Exercise:
    """Return the exercise with `factor` times the wall time, for the answer and for what probes wait for."""
    if factor == 1:
        return exercise
    limits = structs.replace(exercise.limits, wall_seconds=exercise.limits.wall_seconds * factor)
    probes = tuple(_patient_probe(spec, factor) for spec in exercise.probes)
    return structs.replace(exercise, limits=limits, probes=probes)


def _patient_probe(spec: ProbeSpec, factor: float) -> ProbeSpec:
    waits = probe.to_action(spec.name, spec.action, spec.options).wait_seconds * factor
    return structs.replace(spec, options={**spec.options, "wait_seconds": waits})
