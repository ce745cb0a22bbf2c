"""The value is new in every engine: only the inherited command can print it."""

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Image

_COMMAND = "/usr/local/bin/oracle"
_SYSTEM = ("/usr/", "/etc/", "/bin", "/sbin", "/lib")
# With these, programs do something else than they were written to.
_LEVERS = ("BASH_ENV", "ENV", "PATH", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT")


def _images(evidence: Evidence) -> tuple[Image | None, Image | None]:
    return evidence.engine.image("exercise"), evidence.engine.image("answer")


def _added(base: Image, image: Image) -> int | None:
    """Return how many layers `image` adds to `base`, or `None` where it does not stand on it."""
    below = [layer.diff_id for layer in base.layers]
    above = [layer.diff_id for layer in image.layers]
    return len(above) - len(below) if below and above[: len(below)] == below else None


@check("The image adds something to the one it inherits from", points=1)
def inherits(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    base, image = _images(evidence)
    if not build.ok or image is None:
        return no_image(build)
    added = _added(base, image) if base else None
    if added:
        return None
    return Feedback(
        "not-inherited",
        "Your image does not consist of the layers of `exercise` and some of your own.",
        expected="the layers of exercise, and further ones",
        actual="other layers" if added is None else "the layers of exercise alone",
        why="`FROM` takes over all layers of an image; whatever you add lies on top.",
    )


@check("Its command is the inherited one, unchanged", points=1, after=("inherits",))
def same_command(evidence: Evidence) -> Feedback | None:
    base, image = _images(evidence)
    if base is None or image is None:
        return None
    own = image.layers[len(base.layers) :]
    changed = [file.path for layer in own for file in layer.files if file.kind != "directory"]
    changed += [path for layer in own for path in layer.whiteouts]
    touched = [path for path in changed if path.startswith(_SYSTEM)]
    touched += [name for name in _LEVERS if image.config.env.get(name, "") != base.config.env.get(name, "")]
    command = (*(image.config.entrypoint or ()), *(image.config.cmd or ()))
    if command == (_COMMAND,) and not touched:
        return None
    return Feedback(
        "other-command",
        "Your image runs something else than the inherited command.",
        expected=_COMMAND,
        actual=f"changed: {', '.join(touched[:5])}" if touched else " ".join(command) or "nothing",
        why="A base image promises a behaviour; who builds on it should complete it, not replace it.",
    )


@check("The command reveals the value", points=3, after=("same_command",))
def reveals(evidence: Evidence) -> Feedback | None:
    probe, value = evidence.probe("reveals"), evidence.probe("value").stdout.strip()
    if value and probe.stdout.strip() == f"revealed: {value}":
        return None
    return Feedback(
        "not-revealed",
        "`docker run answer` does not reveal the value.",
        expected="revealed: and the value",
        actual=probe.error or (probe.stdout + probe.stderr).strip()[:300] or "nothing",
        why="The command says what it misses: reading that is half of working with somebody else's image.",
    )
