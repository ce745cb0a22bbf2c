"""A receipt that only the installed tool can write has to come from a container that is there no more."""

import hashlib

from grader.check import Evidence, Feedback, check, started

_ID_SHOWN = 12
_IMAGE = "nilcons/debian"


def _receipt(evidence: Evidence) -> tuple[str, str]:
    """Return the host name and the seal of the last receipt for the word, or two empty texts."""
    word = str(evidence.parameters["word"])
    lines = [line.split() for line in evidence.probe("receipt").stdout.splitlines()]
    found = [(words[2], words[3]) for words in lines if len(words) == 4 and words[:2] == ["RECEIPT", word]]
    return found[-1] if found else ("", "")


def _seal(evidence: Evidence, host: str) -> str:
    """Return what the tool of this participant makes of the word on that host (see setup.sh)."""
    values = evidence.parameters
    sealed = f"{values['secret']} ii 1.{values['release']} {host} {values['word']}"
    return hashlib.sha256(sealed.encode()).hexdigest()[:20]


def _hosts(evidence: Evidence) -> set[str]:
    """Return the host names of the containers that the answer made and that ran.

    The host's looks are no witness here: on a busy machine they miss what lives for less than a second.
    """
    made = {event.id for event in evidence.events if (event.kind, event.action) == ("container", "create")}
    return {identity[:_ID_SHOWN] for identity in made & started(evidence)}


@check("There is a receipt for the word", points=1)
def receipt(evidence: Evidence) -> Feedback | None:
    host, seal = _receipt(evidence)
    if seal and seal == _seal(evidence, host):
        return None
    return Feedback(
        "no-receipt",
        "/work/receipt.txt holds no receipt by your tool for your word.",
        expected=f"RECEIPT {evidence.parameters['word']}, where it was run, and the right seal",
        actual=evidence.probe("receipt").stdout.strip()[-200:] or "nothing",
        why="An experiment is made for its result.",
    )


@check("The tool was run in a container", points=2, after=("receipt",))
def contained(evidence: Evidence) -> Feedback | None:
    host, _ = _receipt(evidence)
    if host in _hosts(evidence):
        return _other_image(evidence, host)
    return Feedback(
        "not-in-a-container",
        "The receipt was not written in a container that ran.",
        expected=" or ".join(sorted(_hosts(evidence))) or "the id of a container",
        actual=host,
        why="A program from a stranger may do on your machine whatever you may do.",
    )


def _other_image(evidence: Evidence, host: str) -> Feedback | None:
    """Complain about another image that was there before; what one made on the way comes from is unknown."""
    names = {
        event.attributes.get("image", "").removesuffix(":latest")
        for event in evidence.events
        if event.action == "create" and event.id[:_ID_SHOWN] == host
    }
    before = set(evidence.setup.stdout.split())
    for image in evidence.engine.images:
        tags = {tag.removesuffix(":latest") for tag in image.tags}
        if image.id in before and tags & names and _IMAGE not in tags:
            return Feedback(
                "other-image",
                "The container was made from another image.",
                expected=_IMAGE,
                actual=", ".join(sorted(tags & names)),
                why="What an experiment shows holds for where it was made.",
            )
    return None


def _image_left(evidence: Evidence) -> Feedback | None:
    before = set(evidence.setup.stdout.split())
    left = [image for image in evidence.engine.images if image.id not in before]
    if not left:
        return None
    return Feedback(
        "image-left",
        "There is an image in the engine that was made for the experiment.",
        expected="no image but those that were there before",
        actual=", ".join(tag for image in left for tag in image.tags or (image.id,)),
        why="An image keeps what was installed into it, until somebody removes the image, too.",
    )


@check("Nothing is left in the engine", points=2, after=("contained",))
def removed(evidence: Evidence) -> Feedback | None:
    left = [container.name for container in evidence.engine.containers]
    if not left:
        return _image_left(evidence)
    return Feedback(
        "container-left",
        "There are containers left in the engine.",
        expected="none",
        actual=", ".join(left),
        why="Every experiment that is not removed keeps its disk space, until the disk is full.",
    )


@check("Nothing is left on the machine", points=1, after=("contained",))
def clean(evidence: Evidence) -> Feedback | None:
    found = evidence.probe("left-outside")
    if found.ok and not found.stdout.strip():
        return None
    return Feedback(
        "left-on-the-machine",
        "There is a copy of the tool on the machine itself.",
        expected="no such file in /work, /tmp and /root",
        actual=found.stdout.strip()[:200] or found.error or "",
        why="What is there afterwards, the next person takes for needed.",
    )
