from .answers import lines, right


def files(parameters):
    system, bound, total = right(parameters)
    return lines(system, bound, f"{total} GiB")
