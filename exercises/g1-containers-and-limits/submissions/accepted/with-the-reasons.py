from .answers import OTHER, right


def files(parameters):
    system, bound, total = right(parameters)
    each = f"{parameters['children']} children, {parameters['limit']} MiB each"
    return {
        "answer.txt": f"# Limits\n- A {OTHER[system]} can't, a {system} can.\n"
        f"- **{bound}**, because {OTHER[bound]} is another thing\n- {total} MiB ({each})\n"
    }
