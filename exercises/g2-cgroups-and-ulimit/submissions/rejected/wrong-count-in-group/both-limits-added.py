from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[2] = (parameters["outer"] + parameters["inner"]) // parameters["each"]
    return lines(answers)
