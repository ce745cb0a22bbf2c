from .answers import lines, right


def files(parameters):
    system, bound, total = right(parameters)
    return lines(f"A {system} cannot.", bound, total)
