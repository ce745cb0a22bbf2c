"""The kernel knows a process's id at every level; a count from inside each namespace has to agree."""

from grader.check import Evidence, Feedback, check
from grader.evidence import Process

_WORD = "PIDS"


def _sleeps(evidence: Evidence) -> list[Process]:
    seconds = str(evidence.parameters["seconds"])
    return [
        process
        for process in evidence.processes.living()
        if process.comm in ("sleep", "busybox") and process.argv[-1:] == (seconds,)
    ]


def _deepest(evidence: Evidence) -> Process:
    return max(_sleeps(evidence), key=lambda process: len(process.nspid))


@check("The sleep runs", points=1)
def sleeps(evidence: Evidence) -> Feedback | None:
    seconds = evidence.parameters["seconds"]
    if _sleeps(evidence):
        return None
    running = [" ".join(process.argv) for process in evidence.processes.living() if process.nspid != (1,)]
    return Feedback(
        "no-sleep",
        "That sleep was not running when your script ended or waited.",
        expected=f"sleep {seconds}",
        actual="; ".join(running) or "nothing was running",
        why="A process that has ended has no ids any more.",
    )


@check("It is nested as deep as asked", points=2, after=("sleeps",))
def depth(evidence: Evidence) -> Feedback | None:
    wanted = int(evidence.parameters["depth"])
    process = _deepest(evidence)
    found = len(process.nspid) - 1
    inside = {space.level: space.pids for space in evidence.processes.pid_namespaces}
    agreed = all(pid in inside.get(level, ()) for level, pid in enumerate(process.nspid, 1))
    if found == wanted and agreed:
        return None
    return Feedback(
        "wrong-depth",
        "The sleep is not inside as many PID namespaces as it should be.",
        expected=f"{wanted} below the one of your script",
        actual=f"{found}" if agreed else f"{found}, and a look from inside does not find it",
        why="Each PID namespace gives its processes one more id; `unshare` without `--pid "
        "--fork` gives none.",
    )


@check("Its ids are reported as they are", points=2, after=("depth",))
def reported(evidence: Evidence) -> Feedback | None:
    lines = [line.split() for line in evidence.run.stdout.splitlines()]
    answers = [tuple(words[1:]) for words in lines if words and words[0].rstrip(":") == _WORD]
    candidates = [
        process for process in _sleeps(evidence) if len(process.nspid) == len(_deepest(evidence).nspid)
    ]
    truths = {tuple(map(str, process.nspid)) for process in candidates}
    if not answers:
        return Feedback(
            "no-report",
            f"No line of your output begins with {_WORD}.",
            expected=f"{_WORD} and the ids",
            actual=evidence.run.stdout.strip()[-200:] or "no output",
            why="The ids are what the exercise asks for.",
        )
    if answers[-1] in truths:
        return None
    return Feedback(
        "wrong-pids",
        "The ids that you printed are not the ones that the process has.",
        expected=" or ".join(" ".join(truth) for truth in sorted(truths)),
        actual=" ".join(answers[-1]),
        why="The same process is 1 for itself and something else for everybody outside; "
        "mixing them up kills the wrong one.",
    )
