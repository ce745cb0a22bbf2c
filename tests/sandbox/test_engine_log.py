"""What the log of an engine says of output that was lost."""

from __future__ import annotations

import pytest

from grader.sandbox.engine_log import EngineLog, lost_output

# As Docker Engine 26.1.5 wrote them: a container that ended at once on a busy machine, one whose command
# does not exist, one that is told from both by nothing but its end, a `docker exec` of a program that does
# not exist, and a health check whose container was being stopped.
LOST = b"""\
time="2026-11-29T13:55:51.599661662Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-29T13:55:51.648141230Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-29T13:55:51.725249169Z" level=warning msg="cleaning up after shim disconnected" id=a844
"""
NOT_CREATED = """\
time="2026-11-29T14:18:45.236045818Z" level=error msg="copy shim log" error="read /proc/self/fd/13: …"
time="2026-11-29T14:18:45.237115495Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-29T14:18:45.238377958Z" level=error msg="stream copy error: reading from a closed fifo"
""".encode()
NOT_EXECUTED = b"""\
time="2026-11-30T16:20:12.314858607Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-30T16:20:12.314955807Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-30T16:20:12.317884124Z" level=error msg="Error running exec 7270 in container: OCI runtime \
exec failed: exec failed: unable to start container process: \
exec: \\"nosuch\\": executable file not found in $PATH"
"""
NOT_CHECKED = b"""\
time="2026-11-30T16:18:47.590613821Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-30T16:18:47.591191069Z" level=error msg="stream copy error: reading from a closed fifo"
time="2026-11-30T16:18:47.600185640Z" level=warning msg="Health check for container a372 error: OCI runtime \
exec failed: exec failed: unable to start container process: \
error executing setns process: exit status 1: unknown"
"""
ENDED = b"""\
time="2026-11-29T13:55:50.064705449Z" level=warning msg="cleaning up after shim disconnected" id=84cd
"""


@pytest.mark.parametrize(
    ("log", "lost"),
    [
        (LOST, True),
        (NOT_CREATED, False),
        (ENDED, False),
        (b"", False),
        (NOT_CREATED + LOST, True),
        (NOT_CREATED + ENDED + NOT_CREATED, False),
        (NOT_EXECUTED, False),
        (NOT_CHECKED + NOT_EXECUTED, False),
        (NOT_EXECUTED + LOST + NOT_CHECKED, True),
    ],
)
def test_lost_output_is_told_from_what_never_ran(log: bytes, lost: bool) -> None:
    assert lost_output(log) is lost


def test_a_log_gives_its_end_and_closes_twice() -> None:
    log = EngineLog()
    with open(log.descriptor, "wb", closefd=False) as file:
        file.write(b"early\n" + b"." * 3_000 + b"late\n")
    assert log.tail().endswith("late\n")
    assert "early" not in log.tail()
    log.close()
    log.close()
