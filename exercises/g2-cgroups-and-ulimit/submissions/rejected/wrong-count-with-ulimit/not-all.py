from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[3] = f"not all {parameters['children']}"
    return lines(answers)
