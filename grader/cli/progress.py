"""Shows how far a command is: on a terminal a bar or what is going on, elsewhere a line every few seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final

from grader.progress import SILENT, Progress
from grader.visible import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.status import Status

_LINE_SECONDS: Final = 5.0


class Progressing:
    """Counts what is done, and shows it on standard error."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._console = None if quiet or not total else _console()
        self._counts: Counter[str] = Counter()
        self._began = self._written = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> Progressing:
        self._began = self._written = time.monotonic()
        if self._console is not None and self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("grading"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[counts]}"),
                console=self._console,
            )
            self._task = self._bar.add_task("grading", total=self._total, rate="", counts="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._console is not None:
            self._console.print(self.line(), soft_wrap=True)

    def advance(self, word: str) -> None:
        """Count one more that came to the verdict `word`."""
        self._counts[word] += 1
        if self._bar is not None:
            self._bar.update(
                self._task, advance=1, rate=f"{self._rate():.1f}/s", counts=self._described_counts()
            )
        elif self._console is not None and time.monotonic() - self._written >= _LINE_SECONDS:
            self._written = time.monotonic()
            self._console.print(self.line(), soft_wrap=True)

    def line(self) -> str:
        """Return how far it is, in one line."""
        done, rate = self._counts.total(), self._rate()
        left = f", {(self._total - done) / rate:.0f} s left" if 0 < done < self._total and rate else ""
        counts = f" ({self._described_counts()})" if self._counts else ""
        return f"{done} of {self._total}, {rate:.1f}/s{left}{counts}"

    def _rate(self) -> float:
        return self._counts.total() / max(time.monotonic() - self._began, 1e-6)

    def _described_counts(self) -> str:
        return ", ".join(f"{count} {word}" for word, count in sorted(self._counts.items()))


@contextlib.contextmanager
def spinner(*, quiet: bool) -> Iterator[Progress]:
    """Give what shows what is going on in one line of a terminal, and `SILENT` where there is none."""
    if quiet or not sys.stderr.isatty():
        yield SILENT
        return
    console = _console()
    with console.status("starting") as status:
        yield _OnTerminal(console, status)


class _OnTerminal(Progress):
    """A line that says what is going on, below what was printed."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status

    def say(self, what: str) -> None:
        """Say it in the line."""
        from rich.text import Text

        self._status.update(Text(one_line(what, 100)))

    def show(self, output: bytes) -> None:
        """Print it above."""
        from rich.text import Text

        text = visible(output.decode(errors="replace"), 2 * len(output) + 1)
        self._console.print(Text(text.removesuffix("\n"), style="dim"), soft_wrap=True)


def _console() -> Console:
    from grader.report.table import console  # slow to import, and of no use to who wants it quiet

    return console(stderr=True)
