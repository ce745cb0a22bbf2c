"""The host's kernel says which user each process has; what `id` prints inside does not matter."""

from collections.abc import Iterable

from grader.check import Evidence, Feedback, check, no_image
from grader.evidence import Process


def _inside(evidence: Evidence, name: str) -> list[Process]:
    """Return what the host found in the control group of a container, if that was made from `answer`."""
    container = evidence.engine.container(str(evidence.parameters[name]))
    image = evidence.engine.image("answer")
    if container is None or image is None or container.inspect.get("Image") != image.id:
        return []
    return [process for process in evidence.processes.living() if process.pid in container.processes]


def _sleeps(processes: Iterable[Process], seconds: object) -> list[Process]:
    wanted = ("sleep", str(seconds))
    return [
        process
        for process in processes
        if (process.argv[-2:-1] and process.argv[-2].rpartition("/")[2], *process.argv[-1:]) == wanted
    ]


def _told(processes: Iterable[Process]) -> str:
    told = "; ".join(f"{' '.join(process.argv)} as {process.uid}" for process in processes)
    return told or "no process in a container made from answer"


def _users(processes: Iterable[Process]) -> set[int]:
    return {process.uid for process in processes}


@check("The image's own user is the right one", points=2)
def image(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["user"])
    probe = evidence.probe("own")
    if probe.processes and _users(probe.processes) == {wanted}:
        return None
    if not evidence.build.ok:
        return no_image(evidence.build)
    return Feedback(
        "wrong-image-user",
        "A container of your image, started without naming a user, runs as another one.",
        expected=f"sleep {evidence.parameters['seconds']} as {wanted}",
        actual=probe.error or probe.stderr.strip()[-200:] or _told(probe.processes),
        why="Who runs an image seldom thinks of its user: what the image says is what happens.",
    )


@check("The first container runs as the image's user", points=1, after=("image",))
def default(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["user"])
    found = _inside(evidence, "name")
    if wanted in _users(_sleeps(found, evidence.parameters["seconds"])):
        return None
    return Feedback(
        "wrong-first",
        f"That process does not run in {evidence.parameters['name']} as that user.",
        expected=f"sleep {evidence.parameters['seconds']} as {wanted}",
        actual=_told(found),
        why="A user's number in a container is the same number for the kernel outside.",
    )


@check("The second container runs as the user that was asked for", points=1, after=("image",))
def chosen(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["guest"])
    found = _inside(evidence, "other")
    if wanted in _users(_sleeps(found, evidence.parameters["seconds"])):
        return None
    return Feedback(
        "wrong-second",
        f"That process does not run in {evidence.parameters['other']} as that user.",
        expected=f"sleep {evidence.parameters['seconds']} as {wanted}",
        actual=_told(found),
        why="The image suggests a user, whoever starts it decides: such as the owner of a shared folder.",
    )


@check("Root has a process in the first container", points=2, after=("default",))
def root(evidence: Evidence) -> Feedback | None:
    found = _inside(evidence, "name")
    if 0 in _users(_sleeps(found, evidence.parameters["rescue"])):
        return None
    return Feedback(
        "no-root",
        f"There is no such second process in {evidence.parameters['name']} that is root.",
        expected=f"sleep {evidence.parameters['rescue']} as 0",
        actual=_told(found),
        why="The program needs no privileges for you to have them: to repair something you come as root.",
    )
