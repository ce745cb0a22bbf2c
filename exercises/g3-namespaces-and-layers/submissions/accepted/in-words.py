from .answers import right


def files(parameters):
    kind, ids, leaves, layers, disk = right(parameters)
    kind = {"net": "network", "mnt": "mount"}.get(kind, kind)
    return {
        "answer.txt": f"1) {kind} namespace\n2) {ids}\n3) {leaves.title()}\n4) {layers} MiB\n5) {disk}MiB\n"
    }
