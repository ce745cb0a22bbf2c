from .answers import lines, right


def files(parameters):
    file, limit, fitting, apart = right(parameters)
    return lines([f"The file {file}", f"{limit:,} bytes", f"At most {fitting} children", f"All {apart}"])
