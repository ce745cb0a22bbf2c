"""Three short questions, each drawn for the participant."""

from grader.check import Evidence, Feedback, check, only_choice, only_number, short_answers

_VM = {
    "can run another operating system than its host",
    "keeps a hardware boundary between its guests and the host",
    "survives a bug in the host's kernel that hands out root",
    "brings its own kernel",
}
_ULIMIT = {
    "is inherited, but each child gets the full allowance again",
    "is set for a process by itself and works without any file system",
}
_NAMES = {
    "container": "container",
    "containers": "container",
    "vm": "vm",
    "vms": "vm",
    "virtual machine": "vm",
    "virtual machines": "vm",
    "docker": "container",
    "cgroup": "cgroup",
    "cgroups": "cgroup",
    "cgroup2": "cgroup",
    "cgroupv2": "cgroup",
    "control group": "cgroup",
    "control groups": "cgroup",
    "ulimit": "ulimit",
    "ulimits": "ulimit",
    "rlimit": "ulimit",
    "rlimits": "ulimit",
}


def _line(evidence: Evidence, number: int) -> str:
    lines = short_answers(evidence, "answer.txt", questions=3)
    return lines[number] if number < len(lines) else ""


def _compare(name: str, right: str, answer: str, why: str) -> Feedback | None:
    if only_choice(answer, _NAMES) == right:
        return None
    return Feedback(name, "That is not it.", expected=right, actual=answer or "no answer", why=why)


@check("Containers and virtual machines are told apart")
def system(evidence: Evidence) -> Feedback | None:
    right = "vm" if evidence.parameters["system"] in _VM else "container"
    why = "One kernel for all makes containers light, and makes that kernel the only wall between them."
    return _compare("wrong-system", right, _line(evidence, 0), why)


@check("Control groups and ulimit are told apart")
def bound(evidence: Evidence) -> Feedback | None:
    right = "ulimit" if evidence.parameters["bound"] in _ULIMIT else "cgroup"
    why = "A limit for each process is no limit for a program that may fork."
    return _compare("wrong-bound", right, _line(evidence, 1), why)


@check("What ulimit lets children take together is known")
def together(evidence: Evidence) -> Feedback | None:
    right = int(evidence.parameters["limit"]) * int(evidence.parameters["children"])
    answer = _line(evidence, 2)
    if only_number(answer, "m") == str(right):
        return None
    return Feedback(
        "wrong-sum",
        "That is not what they can take together.",
        expected="one number of MiB: the limit, as often as it is given",
        actual=answer or "no answer",
        why="Every child may take the whole allowance: the bound for all of them is their number times that.",
    )
