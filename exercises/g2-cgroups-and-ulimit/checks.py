"""Four short questions about nested limits, with numbers drawn for the participant."""

import re

from grader.check import Evidence, Feedback, check, only_choice, only_number, short_answers

_MIB = 1 << 20
_FILES = {
    "says how much memory the group uses at this moment": "memory.current",
    "says how much memory the group has used at the worst moment so far": "memory.peak",
    "caps the memory that the group may use": "memory.max",
    "keeps the group from evading its cap by writing memory to disk": "memory.swap.max",
    "lists the group's processes, and takes one in when its number is written there": "cgroup.procs",
}
_IN_VERSION_1 = {
    "memory.usage_in_bytes": "memory.current",
    "memory.max_usage_in_bytes": "memory.peak",
    "memory.limit_in_bytes": "memory.max",
}
_NAME = re.compile(r"\b(?:(?:memory|cgroup|pids|cpu|io)\.[\w.]*\w|tasks)\b")
_ALL = re.compile(
    r"\W*(?:all|every|each|every(?:one|body))"
    r"(?:\s+(?:one|of|the|them|child|children|processes|can|could|be|there|fit|run|at|once|same|time))*"
    r"\s*(?:$|[^\w\s/]|(?:as|because|since)\b)"
)
_SAVE = re.compile(r"\b(?:but|except|minus|without|less|none|or)\b")


def _line(evidence: Evidence, number: int) -> str:
    lines = short_answers(evidence, "answer.txt", questions=4)
    return lines[number] if number < len(lines) else ""


def _number(evidence: Evidence, name: str) -> int:
    return int(evidence.parameters[name])


@check("The right file of a group is named")
def file(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 0)
    right = _FILES[str(evidence.parameters["question"])]
    named = {name: _IN_VERSION_1.get(name, name) for name in _NAME.findall(answer)}
    if right in named and only_choice(answer, named) == right:
        return None
    return Feedback(
        "wrong-file",
        "Another file does that.",
        expected=f"the one that {evidence.parameters['question']}",
        actual=answer or "no answer",
        why="A group is operated by nothing but these files: no command stands between you and the kernel.",
    )


@check("A limit is given in bytes")
def written(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 1)
    if only_number(answer, "b") == str(_number(evidence, "inner") * _MIB):
        return None
    return Feedback(
        "wrong-bytes",
        "That is not the limit of the inner group in bytes.",
        expected=f"one number: {evidence.parameters['inner']} MiB in bytes, and a MiB is 1024 times 1024",
        actual=answer or "no answer",
        why="A limit that is off by a thousand kills everything, or nothing.",
    )


@check("Limits of nested groups are added up rightly")
def together(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 2)
    limit = min(_number(evidence, "outer"), _number(evidence, "inner"))
    if only_number(answer) == str(limit // _number(evidence, "each")):
        return None
    return Feedback(
        "wrong-count-in-group",
        "Another number of children fits into both groups.",
        expected=f"one number: as often as {evidence.parameters['each']} MiB fit below both limits",
        actual=answer or "no answer",
        why="A group counts its children's groups too: an inner limit can only make things tighter.",
    )


@check("What ulimit does not stop is known")
def apart(evidence: Evidence) -> Feedback | None:
    answer = _line(evidence, 3)
    if only_number(answer) == str(_number(evidence, "children")):
        return None
    if not re.search(r"\d", answer) and _ALL.match(answer) and not _SAVE.search(answer):
        return None
    return Feedback(
        "wrong-count-with-ulimit",
        "Another number of children can be there at once.",
        expected="one number, or all: as many as each stay below the limit on their own",
        actual=answer or "no answer",
        why="A limit for each process is no limit for a program that may fork.",
    )
