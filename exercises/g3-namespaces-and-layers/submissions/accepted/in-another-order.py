from .answers import right


def files(parameters):
    numbered = [f"{number}. {answer}\n" for number, answer in enumerate(right(parameters), 1)]
    return {"answer.txt": "".join(reversed(numbered))}
