"""Does for many threads at once what each of them asks for at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Item]):
    item: _Item
    done: bool = False
    error: BaseException | None = None


class Together(Generic[_Item]):
    """Whoever comes first does for the others what they have brought meanwhile: a group commit."""

    def __init__(
        self, do: Callable[[Sequence[_Item]], None], apart: type[BaseException] | tuple[()] = ()
    ) -> None:
        """Say how it is done.

        Args:
            do: Does it for one item or more, in the order in which they came.
            apart: After such an error each item is done by itself: only whose fault it is hears of it.
        """
        self._do = do
        self._apart = apart
        self._turn = threading.Lock()
        self._waiting: list[_Waiting[_Item]] = []

    def add(self, item: _Item) -> None:
        """Return when it is done; raise what became of it."""
        mine = _Waiting(item)
        self._waiting.append(mine)
        with self._turn:
            if not mine.done and mine.error is None:
                together = self._waiting[:]
                del self._waiting[: len(together)]  # meanwhile others may have added theirs at the end
                self._all(together)
        if mine.error is not None:
            raise mine.error

    def _all(self, together: Sequence[_Waiting[_Item]]) -> None:
        try:
            self._do([waiting.item for waiting in together])
        except BaseException as error:  # noqa: BLE001  raised again by everyone whom it concerns
            if len(together) > 1 and isinstance(error, self._apart):
                for waiting in together:
                    self._all([waiting])
                return
            for waiting in together:
                waiting.error = error
        else:
            for waiting in together:
                waiting.done = True
