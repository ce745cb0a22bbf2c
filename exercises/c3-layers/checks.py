"""Layers are read one by one: what a later one hides is still in an earlier one."""

from functools import lru_cache
from hashlib import sha256

from grader.check import Evidence, Feedback, check
from grader.evidence import Image

_MIB = 1 << 20
_ALLOWED = _MIB


@lru_cache(maxsize=16)
def _sum_of_zeros(mebibytes: int) -> str:
    return sha256(bytes(mebibytes * _MIB)).hexdigest()


def _image(evidence: Evidence) -> Image | None:
    return evidence.engine.image("answer")


@check("The image is built", points=1)
def built(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    image = _image(evidence)
    if build.ok and image is not None and any(not layer.base for layer in image.layers):
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
    wanted = _sum_of_zeros(int(evidence.parameters["size"]))
    words = probe.stdout.split()
    if words and words[0].lower() == wanted:
        return None
    return Feedback(
        "wrong-sum",
        "The file with the sum is missing, or holds another sum.",
        expected=wanted,
        actual=probe.stdout.strip()[:100] or probe.stderr.strip()[-200:] or probe.error or "nothing",
        why="The large file has to have been there while the image was built: only its product stays.",
    )


@check("The layers are small", points=2, after=("has_sum",))
def small(evidence: Evidence) -> Feedback | None:
    image = _image(evidence)
    added = [layer for layer in image.layers if not layer.base] if image else []
    total = sum(layer.size for layer in added)
    if total <= _ALLOWED:
        return None
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
