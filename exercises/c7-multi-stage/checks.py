"""The layers say what is shipped, two runs say what it does, a second build says that it is compiled."""

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Image, Probe

_KIB = 1 << 10
_TOOLCHAIN = "forge toolchain"


def _image(evidence: Evidence) -> Image | None:
    return evidence.engine.image("answer")


def _behaviour(probe: Probe) -> str:
    if probe.error:
        return probe.error
    output = (probe.stdout + probe.stderr).strip()[:200] or "nothing"
    return f"{output}, status {probe.exit_code}"


@check("The program runs as it should", points=1)
def runs(evidence: Evidence) -> Feedback | None:
    build, image, probe = evidence.build, _image(evidence), evidence.probe("program")
    if not build.ok or image is None:
        return no_image(build)
    word, status = str(evidence.parameters["word"]), evidence.parameters["status"]
    if probe.stdout.strip() == word and probe.exit_code == status:
        return None
    return Feedback(
        "wrong-behaviour",
        "`docker run answer` does something else.",
        expected=f"{word}, status {status}",
        actual=_behaviour(probe),
        why="What is shipped has to work without what it was built with.",
    )


@check("The program was made by the compiler, from its source", points=1, after=("runs",))
def compiled(evidence: Evidence) -> Feedback | None:
    if evidence.probe("made").stdout.strip() != "same":
        return Feedback(
            "not-compiled",
            "What the image runs is not the program that `forge` makes of your `program.txt`.",
            expected="the program that `forge` makes of it, byte for byte",
            actual=evidence.probe("made").stderr.strip()[-200:] or "another file",
            why="A program that only behaves like the right one is not what its source says.",
        )
    word, status = str(evidence.parameters["other"]), evidence.parameters["other_status"]
    probe = evidence.probe("other-program")
    if probe.stdout.strip() == word and probe.exit_code == status:
        return None
    return Feedback(
        "other-source-ignored",
        "With another `program.txt` the image does not hold the other program.",
        expected=f"{word}, status {status}",
        actual=_behaviour(probe),
        why="An image has to follow its source.",
    )


@check("Nothing of the compiler is in the image", points=1, after=("compiled",))
def no_compiler(evidence: Evidence) -> Feedback | None:
    image = _image(evidence)
    found = []
    for layer in image.layers if image else ():
        found += [file.path for file in layer.files if file.path.startswith("/opt/forge/")]
        found += [path for path in layer.matches.get(_TOOLCHAIN, ()) if path not in found]
    if not found:
        return None
    return Feedback(
        "compiler-inside",
        "A layer of the image holds parts of the compiler.",
        expected="no such file",
        actual=", ".join(found[:5]),
        why="Deleting it in a later step only hides it: the layer below is shipped all the same.",
    )


@check("The image is small", points=1, after=("no_compiler",))
def small(evidence: Evidence) -> Feedback | None:
    image, budget = _image(evidence), int(evidence.parameters["budget"])
    total = sum(layer.size for layer in image.layers) if image else 0
    based = any(layer.base for layer in image.layers) if image else True
    if total <= budget * _KIB and not based:
        return None
    return Feedback(
        "too-large",
        "All layers together hold more than they may.",
        expected=f"at most {budget} KiB",
        actual=f"{total / _KIB:.0f} KiB{' and a whole base image below them' if based else ''}",
        why="Everything in the image is pulled, stored, scanned and updated, needed or not.",
    )
