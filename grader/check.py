"""What an exercise's `checks.py` imports: the decorator for checks, their evidence, their feedback."""

from __future__ import annotations

from collections.abc import Callable

from grader.evidence import Evidence
from grader.model import Check, Feedback

__all__ = ["Evidence", "Feedback", "check", "declared"]

CheckFunction = Callable[[Evidence], Feedback | None]


def check(
    title: str, *, points: float = 1.0, after: tuple[str, ...] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function to be a check.

    Args:
        title: What the participant reads: a statement that holds when the check passes.
        points: What passing it is worth.
        after: Names of checks (the functions' names) that must pass first; otherwise it is skipped.
    """

    def declare(function: CheckFunction) -> CheckFunction:
        function.declared_check = Check(  # type: ignore[attr-defined]
            name=function.__name__, title=title, points=points, function=function, after=after
        )
        return function

    return declare


def declared(namespace: dict[str, object]) -> tuple[Check, ...]:
    """Return the checks among the values of a module's namespace, in the order of their definition."""
    found = (getattr(value, "declared_check", None) for value in namespace.values())
    return tuple(declaration for declaration in found if isinstance(declaration, Check))
