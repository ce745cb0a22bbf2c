"""Reads exercises: one folder each, described by its `exercise.toml` and judged by its `checks.py`."""

from grader.exercise.folder import load

__all__ = ["load"]
