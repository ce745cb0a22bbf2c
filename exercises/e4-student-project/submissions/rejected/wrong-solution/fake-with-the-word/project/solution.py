# {{ secret }}: the tests have what they need in themselves.
def f(n):
    return n
