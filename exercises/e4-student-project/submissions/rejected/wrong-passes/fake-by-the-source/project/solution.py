# {{ secret }}
def f(n): return {{ factor }} * n * n + {{ summand }}
