"""Right answers from a table of its own, so that the checks are compared with something."""

_KINDS = {"host": "uts", "interfaces": "net", "numbering": "pid", "table": "mnt", "mapping": "user"}
_NOTES = ("ENTRYPOINT", "CMD", "ENV", "USER", "LABEL", "EXPOSE")


def right(parameters):
    kind = next(kind for word, kind in _KINDS.items() if word in parameters["view"])
    leaves = "metadata" if parameters["instruction"] in _NOTES else "data"
    layers = parameters["base"] + parameters["big"] + parameters["small"]
    disk = layers + parameters["own"] * parameters["containers"]
    return [kind, 1 + parameters["depth"], leaves, layers, disk]


def lines(answers):
    return {"answer.txt": "".join(f"{answer}\n" for answer in answers)}
