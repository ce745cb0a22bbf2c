"""Says where the time goes: measures named methods of the grader while it works."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.figures import Samples


class Phases:
    """Wall time per call of the watched methods, in milliseconds, by the name given to each."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def watch(self, methods: Mapping[str, tuple[Any, str]]) -> Iterator[None]:
        """Measure methods while the context lasts.

        Args:
            methods: Owner (a class or module) and attribute, by the name under which time is booked.
        """
        with ExitStack() as stack:
            for name, (owner, attribute) in methods.items():
                original = getattr(owner, attribute)
                setattr(owner, attribute, self._timed(name, original))
                stack.callback(setattr, owner, attribute, original)
            yield

    def samples(self) -> dict[str, Samples]:
        """Return what was measured."""
        return {name: Samples("ms", tuple(values)) for name, values in self.spent.items()}

    def _timed(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return original(*args, **options)
            finally:
                self.spent[name].append((time.perf_counter() - started) * 1000)

        return measured
