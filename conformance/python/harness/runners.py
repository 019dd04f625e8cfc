"""Runners of the official SDK: in this process for one-runner cases, in processes of their own for the others."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tilebox.workflows import Client, Task
from tilebox.workflows.cache import JobCache
from tilebox.workflows.data import Cluster, RunnerContext
from tilebox.workflows.runner.task_runner import TaskRunner

SUITE = Path(__file__).resolve().parents[1]

EXIT_SECONDS_MAX = 20


@contextmanager
def runner(
    client: Client,
    cluster: Cluster | str | None,
    tasks: Sequence[type[Task]],
    cache: JobCache | None = None,
    context: type[RunnerContext] | None = None,
) -> Iterator[TaskRunner]:
    """A runner made as users make it.

    The SDK leaves each runner's lease renewal process alive until the interpreter ends. A suite makes hundreds of
    runners, so that process is ended here; the SDK itself is not touched.
    """
    before = set(multiprocessing.active_children())
    try:
        yield client.runner(cluster, tasks=list(tasks), cache=cache, context=context)
    finally:
        for renewer in set(multiprocessing.active_children()) - before:
            renewer.kill()
            renewer.join()


def run_all(
    client: Client,
    cluster: Cluster | str | None,
    tasks: Sequence[type[Task]],
    cache: JobCache | None = None,
    context: type[RunnerContext] | None = None,
) -> None:
    """Run tasks of `cluster` in this process until the server says to idle."""
    with runner(client, cluster, tasks, cache, context) as connected:
        connected.run_all()


class RunnerProcess:
    """A runner in a process of its own, which a case can end in every way processes end."""

    def __init__(
        self,
        url: str,
        transport: str,
        cluster: Cluster | str,
        tasks: Sequence[type[Task]],
        *,
        log: Path,
        until_idle: bool = False,
        cache: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start the process; it asks for work as soon as it has loaded the SDK.

        Args:
            url: The server.
            transport: `grpc` or `http1`.
            cluster: The cluster to run on.
            tasks: Task classes; they must be importable, so they live in the package `workflows`.
            log: Where its output goes.
            until_idle: Whether to end at the first idle answer instead of running for ever.
            cache: The root of a `LocalFileSystemCache`; without it the runner has no cache.
            cwd: Its working directory.
        """
        self._log = log
        slug = cluster.slug if isinstance(cluster, Cluster) else cluster
        command = [sys.executable, "-m", "harness.runner_process", "--url", url, "--transport", transport]
        command += ["--cluster", slug, "--tasks", *(f"{task.__module__}:{task.__qualname__}" for task in tasks)]
        if until_idle:
            command += ["--until-idle"]
        if cache is not None:
            command += ["--cache", str(cache)]
        with log.open("ab") as output:
            # A session of its own, so that a crash can take the lease renewal process with it as a power cut would.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": str(SUITE)},
                start_new_session=True,
            )

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def terminate(self) -> None:
        """Ask the runner to end (R-63), and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> int:
        """Wait for the end of the process; its exit status."""
        return self.process.wait(timeout=EXIT_SECONDS_MAX)

    def crash(self) -> None:
        """End the runner and its lease renewal process at once, without any last word to the server."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def dispose(self) -> None:
        """Leave nothing of it behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
