"""Layers say what the image stands on, the host says who runs Python, programs say what they find."""

from grader.check import Evidence, Feedback, check, no_image

_CXRUN, _CXUSER = 601, 602


def _seen(evidence: Evidence) -> dict[str, str]:
    """Return what was found inside a container, by name."""
    lines = (line.partition("=") for line in evidence.probe("look").stdout.splitlines())
    return {name: value.strip() for name, _, value in lines}


@check("The image stands on the base, and keeps its user", points=1)
def on_the_base(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    base, image = evidence.engine.image("exercise"), evidence.engine.image("answer")
    if not build.ok or image is None:
        return no_image(build)
    below = [layer.diff_id for layer in base.layers] if base else []
    above = [layer.diff_id for layer in image.layers]
    if not below or above[: len(below)] != below or len(above) == len(below):
        return Feedback(
            "not-on-the-base",
            "Your image does not consist of the layers of `exercise` and some of your own.",
            expected="the layers of exercise, and further ones",
            actual="other layers" if above[: len(below)] != below else "the layers of exercise alone",
            why="An environment that copies the base misses the base's next repair.",
        )
    found = {process.uid for process in evidence.probe("as-it-is").processes}
    if found == {_CXRUN}:
        return None
    return Feedback(
        "wrong-default-user",
        "A container that is told nothing no longer runs as cxrun, as the host sees it.",
        expected=str(_CXRUN),
        actual=", ".join(map(str, sorted(found))) or evidence.probe("as-it-is").error or "no process",
        why="Whoever builds on your image, or runs it, counts on the base's user.",
    )


@check("Programs run by Python as the student's user", points=2, after=("on_the_base",))
def as_student(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("python")
    running = [process for process in probe.processes if process.comm.startswith("python3")]
    # The grader starts the script as root, from where other programs would do; from cxrun only sudo does.
    by_sudo = any(process.comm == "sudo" for process in probe.processes)
    if by_sudo and any(process.uid == _CXUSER for process in running):
        return None
    return Feedback(
        "not-as-student" if running else "no-python",
        "`python.sh` did not run the program by Python as cxuser by sudo, as the host sees it.",
        expected=f"sudo, and python3 with user id {_CXUSER}",
        actual=", ".join(f"{process.comm} with user id {process.uid}" for process in probe.processes)
        or (probe.error or (probe.stdout + probe.stderr).strip()[-300:])
        or "no process",
        why="A program that runs as cxrun can read what cxrun hides.",
    )


@check("Every program can import the module", points=1, after=("as_student",))
def module(evidence: Evidence) -> Feedback | None:
    seen, unit = _seen(evidence), str(evidence.parameters["unit"])
    if seen.get("module") == unit:
        return None
    return Feedback(
        "no-module",
        "A Python program that `run.sh` started could not import the module, or found something else in it.",
        expected=unit,
        actual=seen.get("module") or "nothing",
        why="What an environment offers has to be there for every program, wherever that lies.",
    )


@check("Folder, arguments, input and status are passed on", points=2, after=("module",))
def passed_on(evidence: Evidence) -> Feedback | None:
    seen, status = _seen(evidence), str(evidence.parameters["status"])
    printed, expected = seen.get("printed", ""), seen.get("expected", "")
    if expected and printed == expected and seen.get("status") == status:
        return None
    return Feedback(
        "not-passed-on",
        "A program got another folder, other arguments or input, or its status got lost.",
        expected=f"{expected} (status {status})",
        actual=f"{printed or seen.get('errors') or 'nothing'} (status {seen.get('status', 'unknown')})",
        why="The script should be invisible to the program and to whoever calls it.",
    )


@check("The student's user cannot change the environment", points=1, after=("module",))
def unchangeable(evidence: Evidence) -> Feedback | None:
    writable = _seen(evidence).get("writable", "everything")
    if not writable:
        return None
    return Feedback(
        "changeable",
        "cxuser may write where the environment lies.",
        expected="nothing writable",
        actual=writable,
        why="One student's program could change what the next check reads.",
    )
