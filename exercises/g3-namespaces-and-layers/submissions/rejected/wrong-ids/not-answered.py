from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[1] = ""
    return lines(answers)
