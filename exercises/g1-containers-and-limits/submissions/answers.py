"""Right answers from a table of its own, so that the checks are compared with something."""

_OF_CONTAINERS = ("milliseconds", "ps -ef", "file system", "virtualisation")
_OF_CGROUPS = ("together", "peak", "nested", "kill")
OTHER = {"container": "vm", "vm": "container", "cgroup": "ulimit", "ulimit": "cgroup"}


def right(parameters):
    system = "container" if any(part in parameters["system"] for part in _OF_CONTAINERS) else "vm"
    bound = "cgroup" if any(part in parameters["bound"] for part in _OF_CGROUPS) else "ulimit"
    return system, bound, parameters["limit"] * parameters["children"]


def lines(*answers):
    return {"answer.txt": "".join(f"{answer}\n" for answer in answers)}
