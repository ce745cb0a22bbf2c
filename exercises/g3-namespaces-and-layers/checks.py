"""Five short questions about namespaces and layers, drawn for the participant."""

from grader.check import Evidence, Feedback, check, only_choice, only_number, short_answers

_KINDS = {
    "its own host name": "uts",
    "its own network interfaces and ports": "network",
    "its own numbering of processes": "pid",
    "its own table of mounted file systems": "mount",
    "its own mapping of user numbers": "user",
}
_NAMES = {name: name for name in ("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts")}
_NAMES |= {"net": "network", "mnt": "mount"}
_LEFT = {
    "data": "data",
    "layer of files": "data",
    "files": "data",
    "metadata": "metadata",
    "meta data": "metadata",
    "meta": "metadata",
    "note": "metadata",
}
_OF_FILES = ("RUN", "COPY", "ADD")


def _line(evidence: Evidence, number: int) -> str:
    lines = short_answers(evidence, "answer.txt", questions=5)
    return lines[number] if number < len(lines) else ""


def _number(evidence: Evidence, name: str) -> int:
    return int(evidence.parameters[name])


def _layers(evidence: Evidence) -> int:
    return sum(_number(evidence, name) for name in ("base", "big", "small"))


@check("The kind of namespace is known")
def kind(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 0)
    if only_choice(answer, _NAMES) == _KINDS[str(evidence.parameters["view"])]:
        return None
    return Feedback(
        "wrong-kind",
        "Another kind of namespace does that.",
        expected=f"the one that gives a process {evidence.parameters['view']}",
        actual=answer or "no answer",
        why="Each kind can be had alone: a container is the habit of taking most of them together.",
    )


@check("Process ids are counted at every level")
def ids(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 1)
    if only_number(answer) == str(_number(evidence, "depth") + 1):
        return None
    return Feedback(
        "wrong-ids",
        "The process has another number of ids.",
        expected="one number: one id for every level that can see it, the host's own among them",
        actual=answer or "no answer",
        why="The host sees all that runs in containers, under other numbers than they see themselves.",
    )


@check("Data and metadata are told apart")
def instruction(evidence: Evidence) -> Feedback | None:
    right = "data" if evidence.parameters["instruction"] in _OF_FILES else "metadata"
    answer = _line(evidence, 2)
    if only_choice(answer, _LEFT) == right:
        return None
    return Feedback(
        "wrong-layer-kind",
        f"That is not what {evidence.parameters['instruction']} leaves.",
        expected=right,
        actual=answer or "no answer",
        why="Metadata costs nothing and can be changed at every start; data is what is stored and shipped.",
    )


@check("What layers hold is added up rightly")
def size(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 3)
    if only_number(answer, "m") == str(_layers(evidence)):
        return None
    return Feedback(
        "wrong-size",
        "The layers hold another amount.",
        expected="one number of MiB: everything that any layer ever wrote",
        actual=answer or "no answer",
        why="A file that a later layer deletes is hidden, not gone: it is stored, sent and readable.",
    )


@check("What containers share is known")
def disk(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 4)
    written = _number(evidence, "containers") * _number(evidence, "own")
    if only_number(answer, "m") == str(_layers(evidence) + written):
        return None
    return Feedback(
        "wrong-disk",
        "All this needs another amount.",
        expected="one number of MiB: the image's layers once, and what each container wrote",
        actual=answer or "no answer",
        why="Containers copy only what they change. That is why starting one takes milliseconds.",
    )
