"""The file is read out of the image once more, after the answer: what was printed has to be that."""

from grader.check import Evidence, Feedback, check

_WORD = "FOUND"


def _images(evidence: Evidence) -> set[str]:
    tag = f"{evidence.parameters['image']}:latest"
    return {image.id for image in evidence.engine.images if tag in image.tags}


def _kept(evidence: Evidence) -> bool:
    """Return whether the image is still the one whose id the setup printed."""
    return bool(_images(evidence) & set(evidence.setup.stdout.split()))


@check("The hidden line was found", points=3)
def found(evidence: Evidence) -> Feedback | None:
    truth = evidence.probe("truth").stdout.strip()
    lines = [line.replace(":", " ").split() for line in evidence.run.stdout.splitlines()]
    printed = [" ".join(words[1:]) for words in lines if len(words) > 1 and words[0] == _WORD]
    if not _kept(evidence):
        return Feedback(
            "image-changed",
            "The image is not what it was before, or it is gone.",
            expected=f"{evidence.parameters['image']}, as it was given to you",
            actual=f"another image is called {evidence.parameters['image']}"
            if _images(evidence)
            else "no image of that name",
            why="Whoever looks for something leaves no traces, least of all in what is looked at.",
        )
    if set(printed) == {truth}:
        return None
    return Feedback(
        "wrong-line",
        f"Your output has no line with {_WORD} and what the hidden file says.",
        expected=f"{_WORD} and the line in .{evidence.parameters['file']}",
        actual="; ".join(f"{_WORD} {line}" for line in printed)[:200]
        or evidence.run.stdout.strip()[-200:]
        or "no output",
        why="Everything in an image can be read by everybody who has it.",
    )


@check("No container is left", points=1, after=("found",))
def tidy(evidence: Evidence) -> Feedback | None:
    left = [container.name for container in evidence.engine.containers]
    if not left:
        return None
    return Feedback(
        "containers-left",
        "There are containers left in the engine.",
        expected="none",
        actual=", ".join(left),
        why="Each look into an image leaves a container behind, unless somebody removes it.",
    )
