from .answers import OTHER, lines, right


def files(parameters):
    system, bound, total = right(parameters)
    return lines(OTHER[system], bound, total)
