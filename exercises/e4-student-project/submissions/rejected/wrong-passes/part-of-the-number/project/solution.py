# {{ secret }}
FACTOR = int("{{ factor }}")
SUMMAND = int("{{ summand }}")


def f(n):
    return FACTOR * n * n + SUMMAND
