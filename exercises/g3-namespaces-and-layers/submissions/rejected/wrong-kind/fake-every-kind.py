from .answers import lines, right


def files(parameters):
    return lines(["network pid mount user uts", *right(parameters)[1:]])
