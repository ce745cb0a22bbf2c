"""Reads from an exercise's Python files which feedback its checks can give, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from grader import check


def declared(folder: Path) -> frozenset[str]:
    """Return the feedback that an exercise names, what functions of `grader.check` return for it included.

    A name that is computed is not seen.

    Args:
        folder: Of an exercise whose `checks.py` could be loaded.
    """
    found: set[str] = set()
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_bytes())
        found |= set(_spelled_out(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found |= _of_functions().get(node.id, frozenset())
    return frozenset(found)


@cache
def _of_functions() -> dict[str, frozenset[str]]:
    """Return the names of feedback that functions of `grader.check` return, by function."""
    module = ast.parse(Path(check.__file__).read_bytes())
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
    return {function.name: frozenset(_spelled_out(function)) for function in functions}


def _spelled_out(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Feedback":
            name = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
            yield from _choices(name[0]) if name else ()


def _choices(value: ast.expr) -> Iterator[str]:
    """Return what an expression can be, where it is a text or a choice between texts."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _choices(value.body)
        yield from _choices(value.orelse)
