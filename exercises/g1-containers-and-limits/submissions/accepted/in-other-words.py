from .answers import right


def files(parameters):
    system, bound, total = right(parameters)
    return {"answer.txt": f"\n  {system.upper()}s\n\n`{bound}`\n{total} MiB"}
