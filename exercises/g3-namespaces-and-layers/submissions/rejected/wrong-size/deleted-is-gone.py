from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[3] = parameters["base"] + parameters["small"]
    return lines(answers)
