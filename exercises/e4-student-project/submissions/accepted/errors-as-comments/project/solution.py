# word: {{ secret }}
def f(n: int) -> int:
    """Return the value."""
    return n * n * int("{{ factor }}") + int("{{ summand }}")
