from .answers import lines, right


def files(parameters):
    answers = right(parameters)
    answers[1] = f"{parameters['inner']} MiB"
    return lines(answers)
