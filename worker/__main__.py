"""The command `python -m worker`: one worker process, configured by the environment."""

from __future__ import annotations

import sys

from grader.errors import GraderError, SandboxError
from worker.process import run
from worker.settings import ServiceSettings

if __name__ == "__main__":
    try:
        sys.exit(run(ServiceSettings.from_environment()))
    except SandboxError as error:
        sys.exit(f"worker: {error}")
    except GraderError as error:
        print(f"worker: {error}", file=sys.stderr)  # noqa: T201  the one thing it has to say
        sys.exit(2)
