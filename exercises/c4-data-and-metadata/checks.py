"""The image's description says what is metadata, its layers what is data, and containers whether it works."""

import posixpath

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Image, Layer


def _image(evidence: Evidence) -> Image | None:
    return evidence.engine.image("answer")


def _folder(evidence: Evidence) -> str:
    return f"/srv/{evidence.parameters['project']}"


def _with_files(image: Image) -> list[Layer]:
    """Return the added layers that hold anything but folders, or delete something."""
    return [
        layer
        for layer in image.layers
        if not layer.base and (layer.whiteouts or any(file.kind != "directory" for file in layer.files))
    ]


@check("The note is in the image", points=1)
def has_note(evidence: Evidence) -> Feedback | None:
    build, image = evidence.build, _image(evidence)
    if not build.ok or image is None:
        return no_image(build)
    wanted, word = f"{_folder(evidence)}/note.txt", str(evidence.parameters["word"])
    if any(wanted in layer.matches.get(word, ()) for layer in image.layers):
        return None
    return Feedback(
        "no-note",
        "No layer of yours holds the note with its line.",
        expected=f"{wanted}: {word}",
        actual=", ".join(file.path for layer in _with_files(image) for file in layer.files[:10]) or "no file",
        why="What a container reads has to come from a layer.",
    )


@check("One layer holds all the data", points=1, after=("has_note",))
def one_layer(evidence: Evidence) -> Feedback | None:
    image = _image(evidence)
    found = _with_files(image) if image else []
    if len(found) == 1:
        return None
    held = "; ".join(", ".join(file.path for file in layer.files[:5]) or "deletions" for layer in found)
    return Feedback(
        "several-layers",
        "More than one of your layers holds files.",
        expected="1 layer with files",
        actual=f"{len(found)} layers with files: {held}",
        why="Each `RUN`, `COPY` and `ADD` stores what it changed as a layer of its own.",
    )


@check("Containers start in the folder", points=1, after=("has_note",))
def where(evidence: Evidence) -> Feedback | None:
    image = _image(evidence)
    found = posixpath.normpath(image.config.workdir or "/") if image else ""
    if found == _folder(evidence):
        return None
    return Feedback(
        "wrong-folder",
        "The image's description names another folder to start in.",
        expected=_folder(evidence),
        actual=found,
        why="`cd` in a `RUN` ends with that `RUN`; only metadata reaches the containers.",
    )


@check("Containers run as the user", points=1, after=("has_note",))
def as_whom(evidence: Evidence) -> Feedback | None:
    probe, wanted = evidence.probe("asleep"), evidence.parameters["uid"]
    if any(process.uid == wanted for process in probe.processes):
        return None
    seen = ", ".join(str(process.uid) for process in probe.processes)
    return Feedback(
        "wrong-user",
        "A process in a container of the image has another user, as the host sees it.",
        expected=str(wanted),
        actual=seen or probe.error or "no process",
        why="Without `USER` everything in the container is root, also whatever breaks in.",
    )


@check("Containers get the variable", points=1, after=("has_note",))
def with_what(evidence: Evidence) -> Feedback | None:
    name, value = str(evidence.parameters["variable"]), str(evidence.parameters["value"])
    image = _image(evidence)
    env = image.config.env if image else {}
    if env.get(name) == value:
        return None
    return Feedback(
        "wrong-variable",
        "The image's description gives the environment another content.",
        expected=f"{name}={value}",
        actual=", ".join(f"{key}={text}" for key, text in env.items() if key != "PATH") or "only PATH",
        why="`export` in a `RUN` ends with its shell, and `ARG` ends with the build.",
    )


@check("Without arguments the note is printed", points=1, after=("has_note",))
def prints_note(evidence: Evidence) -> Feedback | None:
    runs = (("default", str(evidence.parameters["word"])), ("other-note", str(evidence.parameters["other"])))
    for name, word in runs:
        probe = evidence.probe(name)
        if probe.stdout.strip() != word or probe.exit_code != 0:
            break
    else:
        return None
    return Feedback(
        "note-not-printed",
        "`docker run answer` does not print the note, or prints the same when the file says something else.",
        expected=word,
        actual=probe.error or (probe.stdout + probe.stderr).strip()[:300] or "nothing",
        why="`CMD` holds what is used when nobody says anything else.",
    )


@check("With an argument that file is printed", points=1, after=("prints_note",))
def prints_other(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("argument")
    # The engine writes this file into each container afresh: no image can know what it says.
    wanted = probe.container.id[:12] if probe.container else "a new host name"
    other = evidence.probe("other-file")
    if probe.stdout.strip() == wanted and other.stdout.strip() != "content of the mark":
        return Feedback(
            "argument-ignored",
            "`docker run answer FILE` does not print a file of another name.",
            expected="what the file says",
            actual=other.error or (other.stdout + other.stderr).strip()[:300] or "nothing",
            why="What an image does with an argument should not depend on which one it is.",
        )
    if probe.stdout.strip() == wanted:
        return None
    return Feedback(
        "argument-ignored",
        "`docker run answer /etc/hostname` does not print that file.",
        expected=wanted,
        actual=probe.error or (probe.stdout + probe.stderr).strip()[:300] or "nothing",
        why="Arguments replace `CMD` and leave `ENTRYPOINT` in place: that is why there are two.",
    )
