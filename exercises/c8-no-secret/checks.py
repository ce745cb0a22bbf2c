"""Every layer is searched on its own, and so is what the image says about itself."""

from hashlib import sha256

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Image


def _image(evidence: Evidence) -> Image | None:
    return evidence.engine.image("answer")


def _said(image: Image) -> dict[str, str]:
    """Return everything that an image says about itself, by where."""
    config = image.config
    return {
        "the environment": str(dict(config.env)),
        "a label": str(dict(config.labels)),
        "the command": f"{config.entrypoint} {config.cmd} {config.healthcheck}",
        "another setting": f"{config.user} {config.workdir} {config.exposed} {config.volumes}",
        "the stop signal": config.stop_signal,
        "the history": "\n".join(step.created_by for step in image.history),
    }


@check("The licence is in the image", points=1)
def has_licence(evidence: Evidence) -> Feedback | None:
    build, key = evidence.build, str(evidence.parameters["key"])
    if not build.ok or _image(evidence) is None:
        return no_image(build)
    handed_in = evidence.answer("key.txt")
    if handed_in.strip() != key:
        return Feedback(
            "wrong-key",
            "`key.txt` does not hold your key.",
            expected=f"{key[:4]}…",
            actual=f"{handed_in.strip()[:4]}…",
            why="A licence is made out to one key.",
        )
    probe, wanted = evidence.probe("licence"), sha256(handed_in.encode()).hexdigest()
    if probe.stdout.lower().split()[:1] == [wanted]:
        return None
    return Feedback(
        "wrong-licence",
        "The file with the licence is missing, or holds something else.",
        expected=wanted,
        actual=probe.error or (probe.stdout + probe.stderr).strip()[:200] or "nothing",
        why="What the secret is good for has to be there; only the secret itself must not.",
    )


@check("It was made from the key during the build", points=1, after=("has_licence",))
def made_from_key(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("other-licence")
    wanted = sha256(f"{evidence.parameters['other']}\n".encode()).hexdigest()
    if probe.stdout.lower().split()[:1] == [wanted]:
        return None
    return Feedback(
        "written-out",
        "With another `key.txt` the image does not hold the licence of that key.",
        expected=wanted,
        actual=probe.error or (probe.stdout + probe.stderr).strip()[:200] or "nothing",
        why="A result that was pasted in has to be pasted again, by hand, with every new key.",
    )


@check("No layer holds the key", points=2, after=("made_from_key",))
def not_in_a_layer(evidence: Evidence) -> Feedback | None:
    image, key = _image(evidence), str(evidence.parameters["key"])
    found = [
        f"{path} in layer {number}"
        for number, layer in enumerate(image.layers if image else (), 1)
        for path in layer.matches.get(key, ())
    ]
    encoded = sorted(set(evidence.probe("encoded").stdout.splitlines()))
    found += evidence.probe("differences").stdout.replace("/tmp/", "").splitlines()
    searched = all(evidence.probe(name).exit_code == 0 for name in ("encoded", "differences"))
    said = "Built with another key, your layers differ in more than the licence, and that may tell the key."
    if encoded:
        said = "Whoever pulls your image can read the key in it, in another notation."
    if any(" in layer " in path for path in found):
        said = "Whoever pulls your image can read the key in one of its layers."
    cut = image is None or not image.layers or any(layer.truncated for layer in image.layers)
    if not found and not encoded and not cut and searched:
        return None
    return Feedback(
        "key-in-layer",
        said,
        expected="no layer with the key",
        actual=", ".join(found + encoded) or "layers that could not be searched to their end",
        why="Deleting a file in a later step only hides it: the layer below is shipped with it.",
    )


@check("The image's description does not tell the key", points=1, after=("made_from_key",))
def not_in_description(evidence: Evidence) -> Feedback | None:
    image, key = _image(evidence), str(evidence.parameters["key"])
    found = [where for where, text in _said(image).items() if key in text] if image else []
    if not found:
        return None
    return Feedback(
        "key-in-description",
        "The image tells the key to everybody who looks at its description.",
        expected="a description without the key",
        actual=", ".join(found),
        why="`docker history` and `docker inspect` show variables and build arguments as they were.",
    )
