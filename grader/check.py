"""What an exercise's `checks.py` imports: the decorator for checks, their evidence, their feedback."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from grader.evidence import Build, Container, Evidence
from grader.model import Check, Feedback

__all__ = [
    "Evidence",
    "Feedback",
    "check",
    "declared",
    "made_from_other",
    "network_borrowers",
    "no_image",
    "only_choice",
    "only_number",
    "other_image",
    "short_answers",
    "started",
    "still_there",
]

CheckFunction = Callable[[Evidence], Feedback | None]

_LAST_WORDS: Final = 600  # characters of a build's output
_NUMBERING: Final = re.compile(r"^\s*(?:(?:question|answer|q|a)\s*)?\(?\d{1,2}[.):]\s+", re.IGNORECASE)
_NEGATION: Final = r"\b(?:not|no|instead of|rather than)\s+(?:an?\s+|the\s+)?"
_THOUSANDS: Final = re.compile(r"(?<=\d)[,_'\u2019 ](?=\d{3}(?!\d))")
_NUMBER: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
_WORDS: Final = "zero one two three four five six seven eight nine ten eleven twelve".split()
_OF: Final = re.compile(rf"\b(\d+|{'|'.join(_WORDS)})\s+(?:out\s+)?of\s+(?:(?:all|the|these)\s+)*\d+\b")
_NOT: Final = re.compile(r"\b(?:not|instead of|rather than)\s+(?:(?:on|port|the)\s+)*\d+\b")


def check(
    title: str, *, points: float = 1.0, after: tuple[str, ...] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function to be a check.

    Args:
        title: What the participant reads: a statement that holds when the check passes.
        points: What passing it is worth.
        after: Names of checks (the functions' names) that must pass first; otherwise it is skipped.
    """

    def declare(function: CheckFunction) -> CheckFunction:
        function.declared_check = Check(  # type: ignore[attr-defined]
            name=function.__name__, title=title, points=points, function=function, after=after
        )
        return function

    return declare


def declared(namespace: dict[str, object]) -> tuple[Check, ...]:
    """Return the checks among the values of a module's namespace, in the order of their definition."""
    found = (getattr(value, "declared_check", None) for value in namespace.values())
    return tuple(declaration for declaration in found if isinstance(declaration, Check))


def short_answers(evidence: Evidence, name: str) -> tuple[str, ...]:
    """Return the lines of an answer file as their writer meant them.

    Empty lines are left out; numbering (``2. ``, ``Question 2: ``) too, and quotes, backticks and full stops
    around a line, and the mark that some editors put before a text. Capitals become small letters.

    Args:
        evidence: Of the answer.
        name: Of the file.

    Raises:
        NotObservedError: There is no such file in the answer.
    """
    lines = (_NUMBERING.sub("", line) for line in evidence.answer(name).lstrip("\ufeff").splitlines())
    cleaned = (line.strip(" \t`'\".").lower() for line in lines)
    return tuple(line for line in cleaned if line)


def only_number(answer: str) -> str:
    """Return the only number in a short answer; empty where there are several, or none.

    Of a sum, the number behind `=` counts, of "1 of 5" the first, of "1, not 5" the one that it is. What
    groups thousands is left out. Up to twelve, words will do.
    """
    text = _NOT.sub(" ", _OF.sub(r"\1", _THOUSANDS.sub("", answer.rpartition("=")[2])))
    found = _NUMBER.findall(text) or [str(_WORDS.index(word)) for word in text.split() if word in _WORDS]
    return found[0] if len(found) == 1 else ""


def only_choice(answer: str, choices: Mapping[str, str]) -> str:
    """Return what a short answer chooses by one of the words for it; empty where it names several, or none.

    Words behind "not" are not chosen.

    Args:
        answer: In small letters.
        choices: What is chosen, by each word that stands for it.
    """
    longest_first = sorted(choices, key=len, reverse=True)
    answer = re.sub(rf"{_NEGATION}(?:{'|'.join(map(re.escape, longest_first))})\b", " ", answer)
    found = {choice for word, choice in choices.items() if re.search(rf"\b{re.escape(word)}\b", answer)}
    return found.pop() if len(found) == 1 else ""


def started(evidence: Evidence) -> set[str]:
    """Return the ids of the containers that the engine has started."""
    return {event.id for event in evidence.events if (event.kind, event.action) == ("container", "start")}


def network_borrowers(evidence: Evidence) -> set[str]:
    """Return the started containers that used another one's network: their host name is that one's."""
    connects = (event for event in evidence.events if (event.kind, event.action) == ("network", "connect"))
    return started(evidence) - {event.attributes.get("container", "") for event in connects}


def still_there(evidence: Evidence, image: str) -> list[str]:
    """Return the names of the containers of an image that were started and are still there."""
    return [
        container.name
        for container in evidence.engine.containers
        if _is_from(evidence, container, image) and container.id in started(evidence)
    ]


def _is_from(evidence: Evidence, container: Container, image: str) -> bool:
    """Return whether a container was made from an image: the id counts, not the name that it gives."""
    found = evidence.engine.image(image)
    return found is not None and container.inspect.get("Image") == found.id


def made_from_other(evidence: Evidence, container: Container, image: str) -> Feedback | None:
    """Return the feedback `other-image` where a container was made from another image than the task names."""
    if _is_from(evidence, container, image):
        return None
    return Feedback(
        "other-image",
        f"{container.name} is made from another image than the one that the task names.",
        expected=image,
        actual=container.image,
        why="What is in an image decides what can be done from its containers.",
    )


def other_image(evidence: Evidence, wanted: Mapping[str, str]) -> Feedback | None:
    """Return the feedback `other-image` where a service of a compose file has another image than it should.

    Args:
        evidence: Of the answer.
        wanted: Tags of images by service.
    """
    others = set()
    for container in evidence.engine.containers:
        labels = (container.inspect.get("Config") or {}).get("Labels") or {}
        service = str(labels.get("com.docker.compose.service"))
        if service in wanted and not _is_from(evidence, container, wanted[service]):
            others.add(f"{service} from {container.image}")
    if not others:
        return None
    return Feedback(
        "other-image",
        "A service is made from another image than the one that the task names.",
        expected=", ".join(f"{service} from {image}" for service, image in wanted.items()),
        actual=", ".join(sorted(others)),
        why="Whoever reads the file takes a service for what its image is.",
    )


def no_image(build: Build) -> Feedback:
    """Return the feedback `build-failed`: no image came of the participant's Dockerfile."""
    return Feedback(
        "build-failed",
        "No image came of your Dockerfile.",
        expected="an image",
        actual=build.refused or build.output.strip()[-_LAST_WORDS:] or "the build failed",
        why="The builder's last lines name the step that failed.",
    )
