"""Every installation is sealed with an id of its own: two images with the same ids share that step."""

from hashlib import sha256

from grader.check import Evidence, Feedback, check, no_image


def _installed(evidence: Evidence, image: str) -> dict[str, str]:
    """Return the ids of genuine installations in an image, by name."""
    found = {}
    for line in evidence.probe("installed").stdout.splitlines():
        tag, name, identity, seal = (*line.split(), "", "", "", "")[:4]
        if tag == image and seal == sha256(f"plumbline {name} {identity}".encode()).hexdigest():
            found[name] = identity
    return found


def _names(evidence: Evidence) -> set[str]:
    return {str(evidence.parameters["first"]), str(evidence.parameters["second"])}


def _shown(installed: dict[str, str]) -> str:
    return ", ".join(f"{name} by {identity[:8]}" for name, identity in sorted(installed.items())) or "nothing"


@check("The dependencies are installed", points=1)
def installed(evidence: Evidence) -> Feedback | None:
    build, found = evidence.build, _installed(evidence, "answer")
    if not build.ok:
        return no_image(build)
    if _names(evidence) == found.keys():
        return None
    return Feedback(
        "not-installed",
        "Not just the two dependencies were installed in the image by `install-dependencies`."
        if _names(evidence) < found.keys()
        else "The image lacks a dependency that `install-dependencies` has installed.",
        expected=", ".join(sorted(_names(evidence))),
        actual=_shown(found),
        why="A program without its dependencies runs on its author's machine only.",
    )


@check("The program runs, and a changed one gets into the image", points=2, after=("installed",))
def follows_source(evidence: Evidence) -> Feedback | None:
    first, word = evidence.probe("app"), str(evidence.parameters["word"])
    if first.stdout.split() != ["running", word]:
        return Feedback(
            "does-not-run",
            "The image's command does not run `app.sh`, or that says something else.",
            expected=f"running {word}",
            actual=first.error or (first.stdout + first.stderr).strip()[:300] or "nothing",
            why="A fast build of the wrong thing helps nobody.",
        )
    probe, word = evidence.probe("changed-app"), str(evidence.parameters["changed"])
    name = probe.container.id[:12] if probe.container else ""
    if probe.stdout.split() == ["changed", "to", word, "in", name]:
        return None
    if not probe.stdout.strip():
        return Feedback(
            "not-by-bash",
            "Another `app.sh`, which says something when it is run by bash, said nothing.",
            expected=f"changed to {word} in a container",
            actual=probe.error or probe.stderr.strip()[:300] or "nothing",
            why="Another shell reads a script in another way, and some lines not at all.",
        )
    return Feedback(
        "old-program",
        "After `app.sh` has changed, the new image's containers do not run the new program.",
        expected=f"changed to {word} in {name}",
        actual=probe.stdout.strip()[:300],
        why="An image has to follow its source, else one debugs a program that nobody wrote.",
    )


@check("A changed program installs nothing again", points=2, after=("follows_source",))
def keeps_dependencies(evidence: Evidence) -> Feedback | None:
    before, after = _installed(evidence, "answer"), _installed(evidence, "answer-source")
    if before == after:
        return None
    return Feedback(
        "installed-again",
        "Only `app.sh` had changed, and the dependencies were installed again.",
        expected=_shown(before),
        actual=_shown(after),
        why="A step is done again when anything has changed that it could see, needed or not.",
    )


def _made_up(before: dict[str, str], after: dict[str, str]) -> Feedback | None:
    """Complain about ids that two runs of the command cannot both have drawn."""
    same = {name: identity for name, identity in before.items() if after.get(name) == identity}
    if not same:
        return None
    return Feedback(
        "not-installed-again",
        "The list had changed, but not everything in it was installed again by `install-dependencies`.",
        expected="other traces of another run",
        actual=f"the same ones: {_shown(same)}",
        why="What looks cached without a run to remember was put there by other means.",
    )


@check("A changed list is installed", points=1, after=("follows_source",))
def follows_list(evidence: Evidence) -> Feedback | None:
    found = _installed(evidence, "answer-list")
    wanted = _names(evidence) | {f"extra-{evidence.parameters['changed']}"}
    if wanted == found.keys():
        return _made_up(_installed(evidence, "answer"), found)
    again = evidence.probe("list-changed").build
    failed = again.output.strip()[-300:] if again is not None and not again.ok else ""
    return Feedback(
        "old-dependencies",
        "After a line was added to `dependencies.txt`, the new image lacks that dependency.",
        expected=", ".join(sorted(wanted)),
        actual=failed or _shown(found),
        why="A cache that never notices a change is worse than none.",
    )
