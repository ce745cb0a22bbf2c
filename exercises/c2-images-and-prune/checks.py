"""What the engine holds is compared with what the setup planted in it and wrote down."""

import re

from grader.check import Evidence, Feedback, check

_NONE = "<none>:<none>"
_DISTURBANCES = ("create", "start", "die", "kill", "rename", "pause")


def _planted(evidence: Evidence, kind: str) -> list[tuple[str, str]]:
    """Return name and id of the images or containers that were there before the answer."""
    lines = (line.split() for line in evidence.setup.stdout.splitlines())
    return [(words[1], words[2]) for words in lines if len(words) == 3 and words[0] == kind]


def _name(evidence: Evidence, tag: str) -> str:
    return f"{evidence.parameters['app']}:{tag}"


def _of_part(evidence: Evidence, part: str) -> list[str]:
    """Return the ids of the images whose label says that they are of one part."""
    wanted = {"part": part, "seal": str(evidence.parameters["secret"])}
    return [
        image.id
        for image in evidence.engine.images
        if wanted.items() <= dict(image.config.labels or {}).items()
    ]


@check("The figures from before are right", points=2)
def figures(evidence: Evidence) -> Feedback | None:
    spare, used = int(evidence.parameters["spare"]), int(evidence.parameters["used"])
    right = {"DANGLING": spare + used + 1, "ACTIVE": used + 1}
    found = re.findall(r"^\W*(DANGLING|ACTIVE)\W+(\d+)\W*$", evidence.run.stdout, re.MULTILINE)
    said = {word: {int(number) for name, number in found if name == word} for word in right}
    if all(said[word] == {number} for word, number in right.items()):
        return None
    return Feedback(
        "wrong-figures",
        "The two numbers are missing, or not those of the engine before anything was removed.",
        expected=" and ".join(f"{word} with its number" for word in right) + ", each once",
        actual="; ".join(f"{word} {number}" for word, number in found) or "neither",
        why="Whoever frees space looks first what takes it up, and what of that is in use.",
    )


@check("The images without name and use are gone", points=2)
def unnamed(evidence: Evidence) -> Feedback | None:
    left = _of_part(evidence, "spare")
    if evidence.engine.images and not left:
        return None
    return Feedback(
        "unnamed-left",
        "Images without a name that no container was made from are still there.",
        expected="none",
        actual=", ".join(left) or "the engine does not list its images",
        why="Nothing refers to them, so nobody will ever ask for them. They only take up space.",
    )


@check("The broken image is gone, and the old name, but not its image", points=2)
def names(evidence: Evidence) -> Feedback | None:
    old, broken = (_name(evidence, str(evidence.parameters[which])) for which in ("old", "broken"))
    planted = dict(_planted(evidence, "image"))
    stable = evidence.engine.image(_name(evidence, "stable"))
    wrong = [f"{name} is still there" for name in (old, broken) if evidence.engine.image(name) is not None]
    if _of_part(evidence, "broken"):
        wrong.append(f"the image that was {broken} is still there")
    if stable is None or stable.id != planted.get(_name(evidence, "stable")):
        wrong.append(f"{_name(evidence, 'stable')} is not the image that it was")
    if not wrong:
        return None
    return Feedback(
        "wrong-names",
        "Of the images with two names, something is there that should not be, or the other way round.",
        expected=f"{broken} removed with its image, {old} removed from its image",
        actual="; ".join(wrong),
        why="A tag is a name, not an image: an image can have several, and lives as long as one of them.",
    )


@check("Nothing else was removed or disturbed", points=2, after=("unnamed",))
def rest(evidence: Evidence) -> Feedback | None:
    tags = {tag: image.id for image in evidence.engine.images for tag in image.tags}
    ours = {_name(evidence, str(evidence.parameters[which])) for which in ("old", "broken")}
    ours |= {_name(evidence, "stable"), _name(evidence, "latest")}  # these are what the other check looks at
    planted = _planted(evidence, "image")
    named = [pair for pair in planted if pair[0] != _NONE and pair[0] not in ours]
    gone = [name for name, identity in named if tags.get(name) != identity]
    missing = int(evidence.parameters["used"]) + 1 - len(_of_part(evidence, "used"))
    gone += [f"{missing} images without a name that are in use"] if missing > 0 else []
    containers = _planted(evidence, "container")
    there = {(container.name, container.id) for container in evidence.engine.containers}
    gone += [f"the container {name}" for name, identity in containers if (name, identity) not in there]
    identities = {identity for _, identity in containers}
    happened = [
        f"{event.attributes.get('name', '?')}: {event.action}"
        for event in evidence.events
        if event.kind == "container" and event.id in identities and event.action in _DISTURBANCES
    ]
    known, theirs = {name for name, _ in planted}, {identity for _, identity in planted}
    happened += [f"{tag} is a new name" for tag in tags if tags[tag] in theirs and tag not in known]
    live = evidence.engine.container(f"{evidence.parameters['app']}-live")
    if live is None or not live.processes:
        happened.append("nothing runs any more in the container that ran")
    if named and containers and not gone and not happened:
        return None
    return Feedback(
        "harmed",
        "Images or containers that were to stay have been removed, replaced, renamed or disturbed.",
        expected="all of them as they were",
        actual="; ".join([f"gone: {', '.join(gone)}"] * bool(gone) + happened) or "nothing can be compared",
        why="A container that is stopped may be needed tomorrow, and an image that nothing uses now as well.",
    )
