from .answers import lines, right


def files(parameters):
    file, *others = right(parameters)
    return lines([f"{file} or memory.high or memory.swap.high or cgroup.threads", *others])
