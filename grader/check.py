"""What an exercise's `checks.py` imports: the decorator for checks, their evidence, their feedback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from grader.evidence import Build, Container, Evidence
from grader.model import Check, Feedback
from grader.short_answer import only_choice, only_number, short_answers

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
