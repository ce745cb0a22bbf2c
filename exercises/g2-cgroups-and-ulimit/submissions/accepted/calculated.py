from .answers import lines, right


def files(parameters):
    file, _, fitting, _ = right(parameters)
    limit = min(parameters["outer"], parameters["inner"])
    division = f"{limit} / {parameters['each']} = {limit / parameters['each']:.2f}, so {fitting}"
    written = f"$(({parameters['inner']}*1024*1024))"
    return lines([f"{file}, not memory.stat", written, division, "All the children, since each has its own"])
