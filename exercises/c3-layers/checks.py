"""Layers are read one by one: what a later one hides is still in an earlier one."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Image, Layer

_ALLOWED = 1 << 20


def _image(evidence: Evidence) -> Image | None:
    return evidence.engine.image("answer")


def _added(evidence: Evidence) -> list[Layer]:
    """Return the layers of the image that came with no base."""
    exercise, image = evidence.engine.image("exercise"), _image(evidence)
    given = {layer.diff_id for layer in exercise.layers} if exercise else set()
    return [layer for layer in image.layers if not layer.base and layer.diff_id not in given] if image else []


def _sum(evidence: Evidence) -> str:
    """Return the sum of the block, which the setup has told."""
    words = evidence.setup.stdout.split()
    return words[words.index("block") + 1] if "block" in words[:-1] else "unknown"


@check("The image is built", points=1)
def built(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    if build.ok and _added(evidence):
        return None
    if build.ok:
        actual = "an image without a layer of its own"
    else:
        actual = build.refused or build.output.strip()[-600:] or "the build failed"
    return Feedback(
        "build-failed",
        "No image came of your Dockerfile.",
        expected="an image with a layer of yours",
        actual=actual,
        why="The builder's last lines name the step that failed.",
    )


@check("The sum is in the image", points=1, after=("built",))
def has_sum(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("sum")
    wanted = _sum(evidence)
    words = probe.stdout.split()
    if words and words[0].lower() == wanted:
        return None
    return Feedback(
        "wrong-sum",
        "The file with the sum is missing, or holds another sum.",
        expected=wanted,
        actual=probe.stdout.strip()[:100] or probe.stderr.strip()[-200:] or probe.error or "nothing",
        why="The block has to have been there while the image was built: only its sum stays.",
    )


@check("The layers are small, and hold nothing of the block", points=2, after=("has_sum",))
def small(evidence: Evidence) -> Feedback | None:
    added = _added(evidence)
    total = sum(layer.size for layer in added)
    if total <= _ALLOWED:
        return _traces(evidence)
    large = max(added, key=lambda layer: layer.size)
    biggest = max(large.files, key=lambda file: file.size)
    hidden = any(biggest.path in layer.whiteouts for layer in added)
    return Feedback(
        "wasted-layer",
        f"{biggest.path} is still in the image{', hidden by a later layer' if hidden else ''}.",
        expected=f"at most {_ALLOWED} bytes in all layers of yours",
        actual=f"{total} bytes, {biggest.size} of them in {biggest.path}",
        why="What one layer holds is stored and sent to everybody, even when a later layer deletes it.",
    )


def _traces(evidence: Evidence) -> Feedback | None:
    """Complain about a part of the block in a file that is small enough, or was compressed to be."""
    probe = evidence.probe("traces")
    if probe.exit_code == 0 and not probe.stdout.strip():
        return None
    return Feedback(
        "block-left",
        "A layer of yours still holds a part of the block.",
        expected="nothing of it",
        actual=", ".join(f"/{path}" for path in probe.stdout.split()[:5]) or "layers that cannot be read",
        why="What is needed during the build only is in everybody's way afterwards, however small.",
    )
