"""A runner of the official Python SDK that shares jobs, and their cache, with a runner of the Rust SDK.

Usage: python_runner.py URL CLUSTER CACHE

CACHE is a JSON object, `{"kind": "s3", "bucket": "b", …}`. The program prints "ready" once it can ask for work, and runs until
SIGTERM. What its tasks do is in scripts, see `scripts.py`.
"""

import json
import sys
from pathlib import Path

from obstore.store import LocalStore
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.cache import (
    AmazonS3Cache,
    AzureBlobCache,
    GoogleStorageCache,
    JobCache,
    LocalFileSystemCache,
    ObstoreCache,
)


def cache_at(place: dict) -> JobCache:
    """The cache at a place, made as users make it."""
    match place:
        case {"kind": "files", "root": root}:
            return LocalFileSystemCache(root)
        case {"kind": "objects_in_files", "root": root, "prefix": prefix}:
            return ObstoreCache(LocalStore(root), prefix)
        case {"kind": "s3", "bucket": bucket, "prefix": prefix, "region": region}:
            return AmazonS3Cache(bucket, prefix, region=region)
        case {"kind": "s3", "bucket": bucket}:
            return AmazonS3Cache(bucket)
        case {"kind": "gcs", "bucket": bucket}:
            return GoogleStorageCache(bucket)
        case {"kind": "azure", "account": account, "container": container}:
            return AzureBlobCache(account, container)
    raise ValueError(f"no cache is known for {place}")


def value(of: list) -> bytes:
    digits, times = of
    return bytes.fromhex(digits) * times


class PlanInPython(Task):
    """A job that begins here: submits the steps of a script, stage by stage, to the languages they are for."""

    script: str
    stages: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "mixed.boxwood/PlanInPython", "v1.0"

    def execute(self, context: ExecutionContext) -> None:
        before = []
        stages = json.loads(Path(self.script).read_text())["stages"]
        for stage, steps in enumerate(stages[: self.stages]):
            kinds = {"Rust": StepInRust, "Python": StepInPython}
            tasks = [kinds[work["language"]](self.script, stage, step) for step, work in enumerate(steps)]
            before = context.submit_subtasks(tasks, depends_on=before or None)


class PlanInRust(Task):
    """The same in Rust, to be submitted from here."""

    script: str
    stages: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "mixed.boxwood/PlanInRust", "v1.0"


class StepInRust(Task):
    """Runs in Rust; here it is only submitted."""

    script: str
    stage: int
    step: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "mixed.boxwood/StepInRust", "v1.0"


class StepInPython(Task):
    """One step of a script."""

    script: str
    stage: int
    step: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "mixed.boxwood/StepInPython", "v1.0"

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = f"Python {self.stage}.{self.step}"
        step = json.loads(Path(self.script).read_text())["stages"][self.stage][self.step]
        cache = context.job_cache
        for key, expected in step.get("read", []):
            assert key in cache, key
            assert cache[key] == value(expected), key
        for key in step.get("missing", []):
            try:
                cache[key]
            except KeyError:
                continue
            raise AssertionError(f"{key!r} has a value and should have none")
        for group, expected in step.get("keys", []):
            keys = sorted(cache.group(group))
            assert keys == expected, f"group {group!r} has the keys {keys}, expected {expected}"
        for group, expected in step.get("items", []):
            items = sorted(cache.group(group).items())
            assert items == [(key, value(of)) for key, of in expected], group
        for key in step.get("remove", []):
            del cache[key]
        for key, of in step.get("write", []):
            cache[key] = value(of)


def main() -> None:
    url, cluster, place = sys.argv[1:]
    client = Client(url=url)
    tasks = [PlanInPython, StepInPython]
    runner = client.runner(cluster, tasks=tasks, cache=cache_at(json.loads(place)))
    print("ready", flush=True)
    runner.run_forever()


if __name__ == "__main__":  # the SDK starts a process of its own that imports this file again
    main()
