"""The banner is compared with what the package itself draws; the package database is read from outside."""

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Probe

_APT = ("/var/lib/apt/lists/", "/var/cache/apt/")
# Small, and left on purpose by `apt-get distclean`: by it apt notices that a mirror goes back in time.
_KEPT = ("Release", "Release.gpg")
_END = "end of banner"


def _lines(text: str) -> list[str]:
    """Return the lines of a banner; blanks behind and empty lines around it are nothing to be seen."""
    return [line.rstrip() for line in text.strip("\n").replace("\r", "").split("\n")]


def _wanted(evidence: Evidence) -> list[list[str]]:
    """Return the banners of the participant's word and of the other text."""
    return [_lines(banner) for banner in evidence.probe("wanted").stdout.split(f"{_END}\n")[:2]]


def _drawn(probe: Probe) -> str:
    return (probe.stdout + probe.stderr).rstrip()[:800] or probe.error or "nothing"


@check("The image draws the word", points=1)
def banner(evidence: Evidence) -> Feedback | None:
    build, probe = evidence.build, evidence.probe("banner")
    if not build.ok:
        return no_image(build)
    wanted = _wanted(evidence)[0]
    if any(wanted) and _lines(probe.stdout) == wanted:
        return None
    return Feedback(
        "wrong-banner",
        "`docker run answer` shows something else.",
        expected="\n".join(wanted),
        actual=_drawn(probe),
        why="An image says by itself what it is good for: whoever runs it need not know how.",
    )


@check("The image draws any other text", points=1, after=("banner",))
def other_banner(evidence: Evidence) -> Feedback | None:
    probe, wanted = evidence.probe("other-banner"), _wanted(evidence)[1]
    if any(wanted) and _lines(probe.stdout) == wanted:
        return None
    return Feedback(
        "other-text-ignored",
        f"`docker run answer {evidence.parameters['other']}` does not draw that text.",
        expected="\n".join(wanted),
        actual=_drawn(probe),
        why="What stands behind the image's name replaces the default, and only that.",
    )


@check("The package database knows figlet", points=1, after=("banner",))
def installed(evidence: Evidence) -> Feedback | None:
    lines = evidence.probe("database").stdout.splitlines()
    known = "Status: install ok installed" in lines
    lacking = [line.removeprefix("lacks ") for line in lines if line.startswith("lacks ")]
    if known and not lacking and any(line.startswith("has ") for line in lines):
        return None
    status = next((line for line in lines if line.startswith("Status: ")), "no such package")
    return Feedback(
        "not-installed",
        "The image's package database does not say that figlet is installed, or its programs are missing.",
        expected="Status: install ok installed, and the package's files",
        actual=f"{status}, but not {', '.join(lacking) or 'a list of its files'}" if known else status,
        why="What the database does not know is never updated, checked or removed.",
    )


@check("Nothing of apt's own is left in any layer", points=2, after=("installed",))
def no_leftovers(evidence: Evidence) -> Feedback | None:
    image = evidence.engine.image("answer")
    found = [
        f"{file.path} ({file.size} bytes)" if file.size else file.path
        for layer in (image.layers if image else ())
        for file in layer.files
        if file.path.startswith(_APT)
        and not file.path.endswith(_KEPT)
        and (file.kind in ("symlink", "hardlink") or (file.kind == "file" and file.size))
    ]
    lines = evidence.probe("database").stdout.splitlines()
    found = found or [
        line.removeprefix("left ") for line in lines if line.startswith("left ") and not line.endswith(_KEPT)
    ]
    if not found and image is not None and image.layers:
        return None
    return Feedback(
        "leftovers",
        "A layer holds what apt fetched or computed for the installation.",
        expected="no file with content below /var/lib/apt/lists and /var/cache/apt",
        actual=", ".join(found[:5]) or "the layers cannot be read",
        why="Deleting it in a later step only hides it: the layer below is shipped all the same.",
    )
