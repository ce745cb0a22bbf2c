"""The seal in the shared folder tells which container made it; the kernel, what that one runs with."""

import hashlib

from grader.check import Evidence, Feedback, check
from grader.evidence import Container

_FIELDS = 4
_SAID = 300


def _container(evidence: Evidence) -> Container | None:
    return evidence.engine.container(str(evidence.parameters["name"]))


def _said(evidence: Evidence) -> str:
    """Return the end of what the answer printed, which includes complaints of a program in the foreground."""
    return (evidence.run.stdout + evidence.run.stderr).strip()[-_SAID:]


def _signs(container: Container) -> tuple[str, str]:
    """Return how a container signs: with the id of the one whose network it uses, where it uses another's."""
    mode = str((container.inspect.get("HostConfig") or {}).get("NetworkMode") or "")
    return container.id[:12], mode.removeprefix("container:")[:12]


@check("The container runs", points=1)
def runs(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    if container is not None and container.processes:
        return None
    state = f"{container.status}, exit code {container.exit_code}" if container else "no such container"
    return Feedback(
        "not-running",
        "No container of that name is running.",
        expected=str(evidence.parameters["name"]),
        actual=f"{state}; {_said(evidence) or 'no output'}",
        why="A container ends with its program. `docker ps --all` and `docker logs` tell why it did.",
    )


@check("Its program has sealed the folder", points=4, after=("runs",))
def sealed(evidence: Evidence) -> Feedback | None:
    container = _container(evidence)
    device, _, seal = evidence.probe("seal").stdout.partition("\n")
    words = seal.split()
    text = f"{evidence.parameters['secret']} {' '.join(words[:3])}\n"
    signature = hashlib.sha256(text.encode()).hexdigest()[:16]
    right = len(words) == _FIELDS and words[3] == signature
    folder = f"{device}/{evidence.parameters['folder']}"
    given = " ".join(words[1:3]) in evidence.probe("given").stdout.splitlines()
    changed = words[2:3] != evidence.probe("phrase").stdout.split()
    ours = words[1:2] == [folder] and container is not None and words[0] in _signs(container)
    if right and given and ours and not changed:
        return None
    others = ["its processes were given something else"] * (not given)
    others += ["the file `phrase` says something else by now"] * (right and changed)
    return Feedback(
        "not-sealed",
        f"/work/{evidence.parameters['folder']}/seal is not the seal of that container, made in that folder.",
        expected=f"a seal made by {evidence.parameters['name']}",
        actual="; ".join([" ".join(words)[:_SAID] or "no seal", *others]),
        why="Running is not yet working: what counts is what the program could do with what it was given.",
    )
