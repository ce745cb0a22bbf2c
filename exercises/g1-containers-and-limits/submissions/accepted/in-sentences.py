from .answers import lines, right


def files(parameters):
    system, bound, together = right(parameters)
    product = f"{parameters['children']} * {parameters['limit']} MiB = {together:,} MiB"
    return lines(f"That is the {system}.", f"A {bound} does.", product)
