"""What is observed: one answer."""

from __future__ import annotations

from dataclasses import dataclass

from grader.model import Exercise, Submission
from grader.progress import Progress


@dataclass(frozen=True, slots=True)
class Task:
    """One answer to be observed.

    Attributes:
        exercise: With the participant's parameters filled in.
        submission: The answer.
        progress: Told what is going on.
    """

    exercise: Exercise
    submission: Submission
    progress: Progress
