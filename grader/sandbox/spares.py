"""Sandboxes made before they are needed, for answers like those that came last."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from grader.errors import SandboxError
from grader.model import Limits, Profile
from grader.sandbox.disposer import Disposer
from grader.sandbox.moving import Moves
from grader.sandbox.sandbox import Host, Sandbox

_SIZE = 2
_KEPT_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
"""Where nothing comes for so long, there is time for the next one."""

_RETRY_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a sandbox is made from, but for the answer's files."""

    profile: Profile
    limits: Limits
    rootfs: str
    args: tuple[str, ...]


@dataclass(slots=True)
class Spare:
    """A sandbox whose program waits for `Sandbox.go`, and our ends of its output.

    Attributes:
        out: Readable descriptor of its standard output.
        err: Likewise.
    """

    sandbox: Sandbox
    out: int = -1
    err: int = -1
    born: float = field(default_factory=time.monotonic)

    def dispose(self) -> None:
        """Leave nothing; safe to repeat.

        Raises:
            SandboxError: Something does not end.
        """
        for descriptor in (self.out, self.err):
            if descriptor >= 0:
                os.close(descriptor)
        self.out = self.err = -1
        self.sandbox.dispose()


class Spares:
    """Keeps a sandbox ready for each of the last few recipes; safe to use from many threads.

    To make one takes most of the time that a short answer takes. That helps whoever comes alone; where
    answers come one upon the other, there is no time to make one beforehand, and none is made.
    """

    def __init__(self, host: Host, disposer: Disposer, moves: Moves) -> None:
        self._host = host
        self._disposer = disposer
        self._moves = moves
        self._changed = threading.Condition()
        self._ready: OrderedDict[Recipe, Spare] = OrderedDict()
        self._wanted: Recipe | None = None
        self._active = self._uses = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def lend(self, recipe: Recipe) -> Iterator[Spare | None]:
        """Yield a sandbox of that recipe, the caller's to dispose of, or ``None`` where there is none."""
        with self._changed:
            self._active += 1
            self._uses += 1
            found = self._ready.pop(recipe, None)
        if found is not None and not found.sandbox.alive():
            self._disposer.take(found)
            found = None
        try:
            yield found
        finally:
            with self._changed:
                self._active -= 1
                self._wanted = recipe
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._work, name="spares", daemon=True)
                    self._thread.start()
                self._changed.notify_all()

    def close(self) -> None:
        """Make none any more, and throw away those that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        while self._ready:
            self._disposer.take(self._ready.popitem()[1])

    def _work(self) -> None:
        while (recipe := self._await_want()) is not None:
            try:
                spare = self._make(recipe)
            except (SandboxError, OSError) as error:
                _log.warning("no sandbox beforehand: %s", error)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, _RETRY_SECONDS)
                continue
            with self._changed:
                self._ready[recipe] = spare
                surplus = self._ready.popitem(last=False)[1] if len(self._ready) > _SIZE else None
            if surplus is not None:
                self._disposer.take(surplus)

    def _await_want(self) -> Recipe | None:
        """Return of what recipe a sandbox is to be made; ``None`` at the end."""
        while True:
            with self._changed:
                self._changed.wait_for(self._can_make, self._oldest_left())
                if self._closed:
                    return None
                old = [recipe for recipe, spare in self._ready.items() if _is_old(spare)]
                gone = [self._ready.pop(recipe) for recipe in old]
                uses = self._uses
            for spare in gone:
                self._disposer.take(spare)
            time.sleep(_PAUSE_SECONDS)
            with self._changed:
                if uses == self._uses and self._can_make() and not self._closed:
                    recipe, self._wanted = self._wanted, None
                    if recipe is not None and recipe not in self._ready:
                        return recipe

    def _can_make(self) -> bool:
        return self._closed or (self._wanted is not None and not self._active)

    def _oldest_left(self) -> float | None:
        """Return for how many seconds the oldest one is still kept."""
        born = min((spare.born for spare in self._ready.values()), default=None)
        return None if born is None else max(0.0, born + _KEPT_SECONDS - time.monotonic())

    def _make(self, recipe: Recipe) -> Spare:
        lifetime = _KEPT_SECONDS + recipe.limits.wall_seconds + 60
        spare = Spare(Sandbox(self._host, recipe.profile, recipe.limits, lifetime=lifetime))
        try:
            with self._moves.expected(), ExitStack() as stack:
                spare.out, out_end = os.pipe()
                stack.callback(os.close, out_end)
                spare.err, err_end = os.pipe()
                stack.callback(os.close, err_end)
                spare.sandbox.launch(recipe.rootfs, recipe.args, stdout=out_end, stderr=err_end, waits=True)
        except BaseException:
            self._disposer.take(spare)
            raise
        return spare


def _is_old(spare: Spare) -> bool:
    return time.monotonic() >= spare.born + _KEPT_SECONDS
