from .answers import lines, right


def files(parameters):
    kind, ids, leaves, layers, disk = right(parameters)
    sums = f"{parameters['base']} + {parameters['big']} + {parameters['small']} = {layers} MiB"
    return lines([f"The {kind} namespace", f"{ids} ids", f"It leaves {leaves}", sums, f"About {disk:,} MiB"])
