from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[2] = {"data": "metadata", "metadata": "data"}[answers[2]]
    return lines(answers)
