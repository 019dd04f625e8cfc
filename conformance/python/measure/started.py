"""The task whose start is measured."""

import socket
import time

from tilebox.workflows import ExecutionContext, Task


class Started(Task):
    """Tells when it started. The monotonic clock is one for all processes of a machine."""

    number: int
    inbox: str

    def execute(self, context: ExecutionContext) -> None:
        started_ns = time.monotonic_ns()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(f"{self.number} {started_ns}".encode(), self.inbox)
