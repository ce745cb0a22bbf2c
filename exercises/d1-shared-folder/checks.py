"""The book on the host is read, its signatures are checked, and sharing is tried in both directions."""

import hashlib
from dataclasses import dataclass

from grader.check import Evidence, Feedback, check, made_from_other, network_borrowers, started

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """One signature: by which container, through which folder, below how many lines."""

    container: str
    folder: str
    before: str
    signature: str

    def signed(self, secret: str) -> bool:
        text = f"{secret} {self.container} {self.folder} {self.before}\n"
        return hashlib.sha256(text.encode()).hexdigest()[:16] == self.signature


def _path(evidence: Evidence) -> str:
    return f"/work/{evidence.parameters['folder']}/{evidence.parameters['book']}"


def _lines(evidence: Evidence) -> list[_Line]:
    """Return the lines of the book that its own program has written, in this folder."""
    secret, folder = str(evidence.parameters["secret"]), f"/{evidence.parameters['folder']}"
    words = [line.split() for line in evidence.probe("book").stdout.splitlines()[1:]]
    lines = [_Line(*fields) for fields in words if len(fields) == _FIELDS]
    return [line for line in lines if line.signed(secret) and line.folder.endswith(folder)]


@check("The book was signed by two containers, into the shared folder", points=3)
def signed(evidence: Evidence) -> Feedback | None:
    lines = _lines(evidence)
    signers = {one for one in started(evidence) for line in lines if one.startswith(line.container)}
    # The second one found the line of the first, so the book outlived a container.
    if len(signers | network_borrowers(evidence)) >= 2 and [line.before for line in lines[:2]] == ["0", "1"]:
        return None
    return Feedback(
        "not-signed-twice",
        f"{_path(evidence)} does not hold the signatures of two containers, one below the other.",
        expected="two lines, signed in that folder by two containers that ran",
        actual=evidence.probe("book").stdout.strip()[:300] or "no such book",
        why="What a container writes elsewhere is in its own layer, and leaves with it.",
    )


@check("The book belongs to the right user", points=1, after=("signed",))
def owner(evidence: Evidence) -> Feedback | None:
    found = evidence.probe("book").stdout.split("\n")[0]
    if found == str(evidence.parameters["user"]):
        return None
    return Feedback(
        "wrong-owner",
        "The book belongs to another user of the machine.",
        expected=str(evidence.parameters["user"]),
        actual=found,
        why="Numbers of users mean the same on both sides: what root writes inside is root's outside, "
        "and you cannot delete it.",
    )


@check("The container that stays sees the folder", points=2)
def shared(evidence: Evidence) -> Feedback | None:
    container = evidence.engine.container(str(evidence.parameters["name"]))
    found = evidence.probe("shared").stdout.strip()
    if container is not None and container.processes and found == "shared":
        return made_from_other(evidence, container, "busybox")
    return Feedback(
        "not-shared",
        f"A file that was put into the folder just now was not to be seen in {evidence.parameters['name']}.",
        expected="the file, as /archive/.mark",
        actual=found[-200:] or evidence.probe("shared").error or "no such container is running",
        why="A shared folder is one folder in two places; a copy is two that grow apart.",
    )


@check("The container that stays cannot write there", points=1, after=("shared",))
def read_only(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("written")
    if probe.ok and probe.exit_code == 0 and "written" not in probe.stdout:
        return None
    return Feedback(
        "writable",
        "Root in that container could change a file in the folder.",
        expected="a folder to read from",
        actual=probe.stdout.strip()[:200] or probe.error or "the file is gone",
        why="A program that only reads needs no way to destroy what it reads.",
    )


@check("No container of the image is left over", points=1, after=("signed",))
def tidy(evidence: Evidence) -> Feedback | None:
    image = evidence.engine.image(str(evidence.parameters["image"]))
    all_of_them = evidence.engine.containers
    left = [one.name for one in all_of_them if image is not None and one.inspect.get("Image") == image.id]
    if not left:
        return None
    return Feedback(
        "containers-left",
        "A container of the image is still there.",
        expected="none",
        actual=", ".join(left),
        why="Nothing of value is in them any more: that was the point of sharing.",
    )
