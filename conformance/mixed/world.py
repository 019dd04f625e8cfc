"""A cluster with a runner of either language, which share one cache; and the processes they run in."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from harness.server import REPOSITORY, Server
from harness.waiting import wait_until
from harness.wire import Wire
from tilebox.workflows import Client
from tilebox.workflows.data import Job, JobState

from kinds import SUITE, Kind
from python_runner import PlanInPython, PlanInRust
from scripts import Step, save

READY_SECONDS_MAX = 60
EXIT_SECONDS_MAX = 20
JOB_SECONDS_MAX = 120


def rust_runner() -> Path:
    """The program of the Rust runner; `run.sh` builds it."""
    return Path(os.environ.get("BOXWOOD_MIXED_RUNNER", REPOSITORY / "target" / "debug" / "boxwood-mixed-runner"))


class World:
    """Both runners run until it is closed; jobs are run in it one after the other."""

    def __init__(self, server: Server, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.client = Client(url=server.url)
        self._wire = Wire(server.url, "grpc")
        self._cluster = self.client.clusters().create(f"mixed {kind.name}")
        self._folder = folder
        self._scripts = 0
        self._runners: list[RunnerProcess] = []
        try:
            for language in ("Rust", "Python"):
                log = folder / f"{language}.log"
                self._runners.append(RunnerProcess(language, server.url, self._cluster.slug, kind, log))
            for runner in self._runners:
                runner.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def run(self, begin: str, *stages: list[Step]) -> Job:
        """Run a job that begins in the language `begin`; it must be completed, with as many tasks as the script has steps."""
        self._scripts += 1
        script = save(self._folder / f"script-{self._scripts}.json", list(stages))
        plan = {"Rust": PlanInRust, "Python": PlanInPython}[begin](str(script), len(stages))
        submitted = self.client.jobs().submit(f"{self.kind.name}, from {begin}", plan, cluster=self._cluster)
        ended = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELED)

        def end() -> Job | None:
            job = self.client.jobs().find(submitted)
            return job if job.state in ended else None

        job = wait_until(end, timeout=JOB_SECONDS_MAX)
        tasks = "\n".join(task.display for task in self._wire.tree(job))
        output = "\n".join(f"--- {runner.language} ---\n{runner.output()[-4000:]}" for runner in self._runners)
        assert job.state == JobState.COMPLETED, f"the job is {job.state}; its tasks:\n{tasks}\n{output}"
        assert job.execution_stats.total_tasks == 1 + sum(len(stage) for stage in stages)
        return job

    def names(self, job: Job) -> list[str]:
        """What the storage has of a job, without what stands before the keys."""
        start = f"{self.kind.prefix}{job.id}/"
        names = self.kind.names()
        of_job = [name for name in names if str(job.id) in name]
        assert all(name.startswith(start) for name in of_job), of_job
        return sorted(name.removeprefix(start) for name in of_job)

    def close(self) -> None:
        for runner in self._runners:
            runner.close()


class RunnerProcess:
    """A runner in a process of its own."""

    def __init__(self, language: str, url: str, cluster: str, kind: Kind, log: Path) -> None:
        command: dict[str, list[Any]] = {
            "Rust": [rust_runner()],
            "Python": [sys.executable, SUITE / "python_runner.py"],
        }
        self.language = language
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command[language], url, cluster, json.dumps(kind.place)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                env={**os.environ, **kind.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                # With the process that renews leases for the Python runner in it, so that none is left behind.
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None, "started with a pipe"
        deadline = threading.Timer(READY_SECONDS_MAX, self.process.kill)
        deadline.start()
        try:
            line = stdout.readline()
        finally:
            deadline.cancel()
        assert line == "ready\n", f"the {self.language} runner is not ready:\n{self.output()}"

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """End it as an operator would."""
        self.process.terminate()
        try:
            self.process.communicate(timeout=EXIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"the {self.language} runner did not end:\n{self.output()}") from None
