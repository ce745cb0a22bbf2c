from .answers import lines, right


def files(parameters):
    return lines(*right(parameters))
