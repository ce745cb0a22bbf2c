# {{ secret }}
def f(n):
    return int("{{ factor }}") * n * n + int("{{ summand }}")
