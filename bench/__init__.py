"""Measures the grader against a Docker Engine and a bare runtime, side by side on one machine."""
