"""What dockerd and containerd write down, and what can be learnt from it."""

from __future__ import annotations

import os

_TAIL = 2_000
_MOST = 8 << 20
_NEVER_READ = b"stream copy error: reading from a closed fifo"
# What leaves the same lines as lost output does, and one of these: nothing ran, so that nothing was printed.
_NEVER_RAN = (b"copy shim log", b": OCI runtime exec failed: ")
_STREAMS = 2


class EngineLog:
    """The log of one engine, in memory; whoever owns the engine can write into it.

    Attributes:
        descriptor: Where the engine's standard output and error go.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("engine-log", os.MFD_CLOEXEC)

    def tail(self) -> str:
        """Return its end."""
        size = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, _TAIL, max(0, size - _TAIL)).decode(errors="replace")

    def lost_output(self) -> bool:
        """Return whether the engine has lost what a container printed; see `lost_output`."""
        return lost_output(os.pread(self.descriptor, _MOST, 0))

    def close(self) -> None:
        """Give the memory back; safe to repeat."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def lost_output(log: bytes) -> bool:
    """Return whether a log tells of a container whose output was lost.

    What a container prints goes through two pipes, and dockerd waits for each to be opened in a thread of its
    own. On a busy machine a container can be over before such a thread has had its turn; dockerd gives up
    the pipe then, and all that was in it. `docker run` prints nothing and ends with 0. A container that
    cannot even be created leaves the same line for each of its pipes, and one more that tells it from that.
    So does what `docker exec` or a health check cannot start: there is no such program, or the container
    ends.

    Args:
        log: Of Docker Engine 26.
    """
    return log.count(_NEVER_READ) > _STREAMS * sum(map(log.count, _NEVER_RAN))
