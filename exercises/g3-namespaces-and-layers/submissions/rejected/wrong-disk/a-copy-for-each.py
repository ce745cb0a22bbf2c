from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[4] = parameters["containers"] * (answers[3] + parameters["own"])
    return lines(answers)
