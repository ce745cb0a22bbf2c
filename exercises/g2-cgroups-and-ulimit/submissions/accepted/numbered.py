from .answers import right


def files(parameters):
    file, size, fitting, _ = right(parameters)
    return {"answer.txt": f"1. `/sys/fs/cgroup/outer/inner/{file}`\n\n2. {size} bytes\n3. {fitting}\n4. All."}
