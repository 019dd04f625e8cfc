"""A runner of the official Python SDK that shares jobs with a Go runner.

Usage: mixed_runner.py URL CLUSTER (all|forever) (grpc|http1)

It prints "ready" once it can ask for work, and one line for every task it executes.
"""

import sys

from tilebox.workflows import Client, ExecutionContext, Task


class CheckTile(Task):
    """Runs in Go; here it is only submitted."""

    region: str
    tile: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "conformance.example/CheckTile", "v1.0"


class RenderTile(Task):
    """Submitted from Go, runs here, and submits a task that runs in Go."""

    region: str
    tile: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "conformance.example/RenderTile", "v1.2"

    def execute(self, context: ExecutionContext) -> None:
        print(f"render {self.region} {self.tile}", flush=True)
        context.submit_subtask(CheckTile(self.region, self.tile))
        context.progress("tiles").done(1)


class PlanInPython(Task):
    """The root of a job that begins here and goes on in Go."""

    region: str
    tiles: int

    @staticmethod
    def identifier() -> tuple[str, str]:
        return "conformance.example/PlanInPython", "v1.0"

    def execute(self, context: ExecutionContext) -> None:
        print(f"plan {self.region} {self.tiles}", flush=True)
        context.progress("tiles").add(self.tiles)
        checks = context.submit_subtasks([CheckTile(self.region, tile) for tile in range(self.tiles)])
        context.submit_subtask(RenderTile(self.region, self.tiles), depends_on=checks)


def main() -> None:
    url, cluster, mode, transport = sys.argv[1:]
    client = Client(url=url, token="conformance-key", transport=transport)
    runner = client.runner(cluster, tasks=[PlanInPython, RenderTile])
    print("ready", flush=True)
    if mode == "all":
        runner.run_all()
    else:
        runner.run_forever()


if __name__ == "__main__":  # the SDK starts a process of its own that imports this file again
    main()
