"""The registry is asked for what was pushed, and digests are computed from what it hands out."""

import re

from grader.check import Evidence, Feedback, check


def _planted(evidence: Evidence) -> dict[str, str]:
    """Return the ids of what the setup made, by what it is."""
    lines = (line.split() for line in evidence.setup.stdout.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}


def _published(evidence: Evidence, which: str) -> tuple[str, bool]:
    """Return the digest under a tag, and whether all that belongs to it is in the registry."""
    lines = (line.split() for line in evidence.probe("registry").stdout.splitlines())
    found = next((words for words in lines if len(words) == 3 and words[0] == which), None)
    return ("", False) if found is None else (found[1], found[2] == "whole")


def _repository(evidence: Evidence, name: str) -> str:
    return f"{evidence.parameters['team']}/{evidence.parameters[name]}"


def _catalogue(evidence: Evidence) -> str:
    probe = evidence.probe("registry")
    lines = [line for line in probe.stdout.splitlines() if line.startswith("catalogue {")]
    return lines[-1][:300] if lines else probe.error or "the registry does not answer"


@check("The image is in the registry", points=3)
def pushed(evidence: Evidence) -> Feedback | None:
    wanted = _planted(evidence).get("draft")
    digest, whole = _published(evidence, "version")
    if digest and digest == wanted and whole:
        return None
    name = f"{_repository(evidence, 'app')}:{evidence.parameters['version']}"
    found = f"{digest}, {'whole' if whole else 'not all of it'}" if digest else _catalogue(evidence)
    return Feedback(
        "not-pushed",
        f"The registry does not have {evidence.parameters['app']}:draft as {name}.",
        expected=f"{wanted}",
        actual=found,
        why="An image that lies in one engine is of use to that engine only: a registry is for all.",
    )


@check("Both tags lead to it", points=1, after=("pushed",))
def both_tags(evidence: Evidence) -> Feedback | None:
    digest, whole = _published(evidence, "stable")
    if digest and digest == _published(evidence, "version")[0] and whole:
        return None
    return Feedback(
        "one-tag",
        f"{_repository(evidence, 'app')}:stable is not the same image in the registry.",
        expected=_published(evidence, "version")[0],
        actual=digest or "no such tag",
        why="One says which version it is, the other which version to take. Both are names of one image.",
    )


@check("Its digest is told", points=1, after=("pushed",))
def told(evidence: Evidence) -> Feedback | None:
    said = re.findall(r"^\W*DIGEST\W+(\S+)\s*$", evidence.run.stdout, re.MULTILINE)
    digests = {word.rpartition("@")[2] for word in said}
    if digests == {_published(evidence, "version")[0]}:
        return None
    return Feedback(
        "wrong-digest",
        "The line with the digest is missing, or tells another one.",
        expected=f"DIGEST {_published(evidence, 'version')[0]}",
        actual="; ".join(said)[:300] or "no such line",
        why="Whoever notes the digest can tell later whether an image is still the same.",
    )


@check("The older version of the tool is here", points=3)
def pinned(evidence: Evidence) -> Feedback | None:
    image = evidence.engine.image(f"{evidence.parameters['tool']}:pinned")
    said = evidence.probe("pinned").stdout.strip()
    same = image is not None and image.id == _planted(evidence).get("old")
    if same and said == str(evidence.parameters["secret"]):
        return None
    return Feedback(
        "wrong-version",
        f"{evidence.parameters['tool']}:pinned is not the version with the digest of /work/digest.txt.",
        expected=f"{_planted(evidence).get('old')}",
        actual="no such image" if image is None else f"{image.id}, which says: {said[:100]}",
        why="A tag says what somebody called an image last. Only the digest says which one it is.",
    )


def _disturbed(evidence: Evidence) -> str:
    """Return what has happened to the registry itself; empty where it simply went on."""
    registry, planted = evidence.engine.container("registry"), _planted(evidence).get("registry")
    if registry is None or registry.id != planted:
        return "another registry"
    ended = any(event.id == planted and event.action == "die" for event in evidence.events)
    return "a registry that was stopped" if ended or not registry.processes else ""


@check("The registry is otherwise as it was", points=1, after=("pushed", "pinned"))
def as_it_was(evidence: Evidence) -> Feedback | None:
    wanted, disturbed = _planted(evidence).get("new"), _disturbed(evidence)
    digest, whole = _published(evidence, "latest")
    if not disturbed and digest and digest == wanted and whole:
        return None
    return Feedback(
        "registry-changed",
        "The registry was replaced or stopped, or the tool's tag leads somewhere else now.",
        expected=f"the registry running, {_repository(evidence, 'tool')}:latest at {wanted}",
        actual=f"{disturbed or 'the same registry'}, "
        f"{digest or 'no such tag'}{'' if whole or not digest else ', not all of it'}",
        why="Everybody who asks for `latest` gets what the last push put there.",
    )
