from .answers import OTHER, lines, right


def files(parameters):
    system, bound, total = right(parameters)
    return lines(system, OTHER[bound], total)
