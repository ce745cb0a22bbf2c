"""The errors of this package, by whose fault they are."""


class GraderError(Exception):
    """Anything that this package raises on purpose.

    Attributes:
        sentence: What is wrong, with `%(name)s` where values stand, so that it can be translated.
        values: These.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values


class ExerciseError(GraderError):
    """An exercise is broken: its author has to mend it."""


class SubmissionError(GraderError):
    """An answer cannot be read as one: the participant has to mend it."""


class SandboxError(GraderError):
    """The machine failed, not the answer: worth another attempt, and never anybody's lost points."""


class UnavailableError(SandboxError):
    """This machine cannot give what was asked for.

    Attributes:
        reason: What is missing.
        mend: What to type to get it, or an empty string where nothing helps.
    """

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(f"{reason}; mend it by: {mend}" if mend else reason)
        self.reason = reason
        self.mend = mend


class ServerError(GraderError):
    """A grading server cannot be reached, or fails: worth another attempt."""


class RefusedError(GraderError):
    """A grading server refuses what it is asked for.

    Attributes:
        status: HTTP status of its answer.
        again: In how many seconds it may be asked again, or ``None`` where it does not say.
    """

    def __init__(self, reason: str, status: int, again: float | None = None) -> None:
        super().__init__(reason if again is None else f"{reason}; try again in {again:g} s")
        self.status = status
        self.again = again


class BundleError(GraderError):
    """A stored evidence bundle is damaged or of another schema."""


class NotObservedError(GraderError):
    """A check asked for a section of evidence that was not observed; the judge skips that check."""

    def __init__(self, section: str) -> None:
        super().__init__(f"{section} was not observed")
        self.section = section
