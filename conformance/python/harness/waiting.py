"""Waiting for what the server does by itself, where no event tells us."""

import time
from collections.abc import Callable
from typing import TypeVar

from _tilebox.grpc.error import NetworkError
from tilebox.workflows import Client

Value = TypeVar("Value")


def wait_until(probe: Callable[[], Value], timeout: float = 10.0, interval: float = 0.02) -> Value:
    """Call `probe` until its result is true, and return that result.

    Only for effects no event announces: telemetry becoming queryable, a lease running out.

    Raises:
        AssertionError: If that does not happen within `timeout` seconds; the message shows the last result.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain; the last result was {result!r}")
        time.sleep(interval)  # tidy: waits for what no event announces


def wait_until_reachable(client: Client) -> None:
    """Wait until a client reaches its server again after a restart.

    gRPC waits a second before it tries an address again that refused it, which is longer than the SDK's own retries; all
    clients of one address in one process share that wait.
    """

    def reached() -> bool:
        try:
            return bool(client.clusters().find(""))
        except NetworkError:
            return False

    wait_until(reached)
