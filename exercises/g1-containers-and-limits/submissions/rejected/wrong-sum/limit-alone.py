from .answers import lines, right


def files(parameters):
    system, bound, _ = right(parameters)
    return lines(system, bound, parameters["limit"])
