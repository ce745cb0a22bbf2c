"""Loads an exercise's `checks.py` by its path, under a module name of its own."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Final

from msgspec.structs import replace

from grader.check import declared
from grader.errors import ExerciseError
from grader.model import Check

_PACKAGE: Final = "_exercise_{number}"
_NUMBERS: Final = itertools.count(1)


def load(folder: Path, points: Mapping[str, float], shown: str) -> tuple[Check, ...]:
    """Run `checks.py` and return its checks in the order of their definition.

    The folder is a package while it runs: ``from .other import thing`` finds modules beside it.

    Args:
        folder: Of the exercise.
        points: Points by name of check, instead of the check's own.
        shown: What messages call the folder.

    Raises:
        ExerciseError: It is missing, does not compile, raises, or declares what makes no sense.
    """
    checks = declared(vars(_run(folder, shown)))
    path = f"{shown}/checks.py"
    if not checks:
        raise ExerciseError(f"{path}: it declares no check")
    seen: list[str] = []
    for check in checks:
        if check.name in seen:
            raise ExerciseError(f"{path}: two checks are called {check.name}")
        for name in check.after:
            if name not in seen:
                raise ExerciseError(f"{path}: {check.name} comes after {name}, which is no earlier check")
        if not check.title.strip():
            raise ExerciseError(f"{path}: {check.name} has no title")
        if not check.points >= 0:
            raise ExerciseError(f"{path}: {check.name} is worth {check.points} points")
        seen.append(check.name)
    for name in points:
        if name not in seen:
            raise ExerciseError(f"{shown}/exercise.toml: $.points.{name}: no check of {path} is called so")
    return tuple(replace(check, points=float(points.get(check.name, check.points))) for check in checks)


def _run(folder: Path, shown: str) -> ModuleType:
    path = folder / "checks.py"
    name = _PACKAGE.format(number=next(_NUMBERS))
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    module = ModuleType(f"{name}.checks")
    module.__file__, module.__package__ = str(path), name
    sys.modules |= {name: package, module.__name__: module}
    # Nothing is written into the author's folder, where it would be taken for the present state of a file
    # that changed twice within a second. That is also why `checks.py` is compiled here, not imported.
    writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102
    except OSError as error:
        raise ExerciseError(f"{shown}/checks.py: {error.strerror}") from error
    except SyntaxError as error:
        file = f"{shown}/{Path(error.filename or 'checks.py').name}"
        raise ExerciseError(f"{file}:{error.lineno}: {type(error).__name__}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        where = place(error.__traceback__, folder) or "checks.py"
        raise ExerciseError(f"{shown}/{where}: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes_nothing
    return module


def place(traceback: TracebackType | None, folder: Path) -> str | None:
    """Return ``file:line`` of the innermost frame inside an exercise's folder, or ``None``."""
    found = None
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if path.is_relative_to(folder):
            found = f"{path.relative_to(folder)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
