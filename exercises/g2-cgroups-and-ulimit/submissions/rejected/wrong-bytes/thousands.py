from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[1] = parameters["inner"] * 1000 * 1000
    return lines(answers)
