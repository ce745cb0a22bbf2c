"""Stand-in of the sandboxes for shyaml: reads values out of YAML on standard input."""
# requires: PyYAML

import sys
from typing import Any

import yaml  # type: ignore[import-untyped]

__version__ = "0.0+sandbox"

_USAGE = "usage: shyaml {get-value|get-type|get-length|keys|values} [KEY [DEFAULT]] <FILE"


def main() -> None:
    """Answer one question about the document on standard input."""
    if len(sys.argv) < 2:
        sys.exit(_USAGE)
    action, key, *default = [*sys.argv[1:], ""] if len(sys.argv) == 2 else sys.argv[1:]
    try:
        value = _find(yaml.safe_load(sys.stdin), key)
    except (KeyError, IndexError, TypeError, ValueError):
        if action != "get-value" or not default:
            sys.exit(f"Error: invalid path {key!r}")
        value = default[0]
    answers: dict[str, Any] = {
        "get-value": lambda: sys.stdout.write(_text(value)),
        "get-type": lambda: sys.stdout.write(f"{_type(value)}\n"),
        "get-length": lambda: sys.stdout.write(f"{len(value)}\n"),
        "keys": lambda: sys.stdout.writelines(f"{_text(key)}\n" for key in value),
        "values": lambda: sys.stdout.writelines(f"{_text(item)}\n" for item in value.values()),
    }
    if action not in answers:
        sys.exit(_USAGE)
    answers[action]()


def _find(value: Any, key: str) -> Any:
    for part in filter(None, key.split(".")):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return str(yaml.safe_dump(value, default_flow_style=False, sort_keys=False))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _type(value: Any) -> str:
    names = {dict: "struct", list: "sequence", type(None): "NoneType"}
    return names.get(type(value), type(value).__name__)


if __name__ == "__main__":
    main()
