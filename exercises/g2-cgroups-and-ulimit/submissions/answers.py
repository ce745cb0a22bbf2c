"""Right answers from a table of its own, so that the checks are compared with something."""

_FILES = (
    ("at this moment", "memory.current"),
    ("worst moment", "memory.peak"),
    ("caps the memory", "memory.max"),
    ("to disk", "memory.swap.max"),
    ("lists the group", "cgroup.procs"),
)


def right(parameters):
    file = next(name for words, name in _FILES if words in parameters["question"])
    fitting = 0
    while all((fitting + 1) * parameters["each"] <= parameters[group] for group in ("outer", "inner")):
        fitting += 1
    return [file, parameters["inner"] * 1024 * 1024, fitting, parameters["children"]]


def lines(answers):
    return {"answer.txt": "".join(f"{answer}\n" for answer in answers)}
