"""What the page of a result shows of checks and files: as much of each as there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from grader.model import CheckResult, Feedback, Outcome
from grader.visible import visible
from web.results.fitting import Room

_CHECK_BYTES: Final = 24_000  # of all feedback of a page
_CHECK_CHARACTERS: Final = 3_000
_MOST_CHECKS: Final = 24
_FILE_BYTES: Final = 20_000  # of all files of a page
_FILE_CHARACTERS: Final = 12_000
_MOST_FILES: Final = 12
_NAME_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that was handed in.

    Attributes:
        shown: Its name as it can be seen.
        text: Its beginning; ``None`` where it is no text.
        left_out: Characters that are not shown.
    """

    name: str
    shown: str
    size: int
    text: str | None
    left_out: int


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The files of a submission that its page shows.

    Attributes:
        left_out: How many more there are.
    """

    files: tuple[ShownFile, ...]
    left_out: int


def fitted_files(files: Mapping[str, bytes]) -> HandedIn:
    """Return the files as a page shows them, the first ones first."""
    room = Room(_FILE_BYTES)
    listed = [_file(name, content, room) for name, content in list(files.items())[:_MOST_FILES]]
    return HandedIn(tuple(listed), len(files) - len(listed))


def _file(name: str, content: bytes, room: Room) -> ShownFile:
    shown = visible(name if len(name) <= _NAME_CHARACTERS else "…" + name[1 - _NAME_CHARACTERS :])
    try:
        text = None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:
        return ShownFile(name, shown, len(content), None, 0)
    fitted = room.fit(text, _FILE_CHARACTERS)
    return ShownFile(name, shown, len(content), fitted.text, fitted.left_out)


def fitted_checks(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Return checks, their feedback cut where the page would be too long; those that failed come first."""
    room = Room(_CHECK_BYTES)
    shown = list(checks[:_MOST_CHECKS])
    for place in sorted(range(len(shown)), key=lambda place: shown[place].outcome is Outcome.PASSED):
        check = shown[place]
        feedback = None if check.feedback is None else _feedback(check.feedback, room)
        shown[place] = replace(check, title=room.fit(check.title, 100, least=40).text, feedback=feedback)
    return shown


def _feedback(feedback: Feedback, room: Room) -> Feedback:
    def cut(text: str) -> str:
        fitted = room.fit(text, _CHECK_CHARACTERS, least=40)
        return f"{fitted.text}…" if fitted.left_out else fitted.text

    return replace(
        feedback,
        message=cut(feedback.message),
        expected=feedback.expected and cut(feedback.expected),
        actual=feedback.actual and cut(feedback.actual),
        why=feedback.why and cut(feedback.why),
    )
