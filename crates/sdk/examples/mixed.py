"""The Python half of the example `mixed`; see mixed.rs.

    pip install tilebox-workflows
    python mixed.py

It serves tasks until it is interrupted (Ctrl-C).
"""

import contextlib
import json
import os
import statistics

from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.cache import LocalFileSystemCache


class LookCloser(Task):
    """Its code is in Rust; without `execute` it can be submitted here, but not run."""

    station: str
    hour: int


class FindOutliers(Task):
    """Submits a LookCloser for each temperature that is far from the others."""

    station: str

    def execute(self, context: ExecutionContext) -> None:
        temperatures = json.loads(context.job_cache.group("temperatures")[self.station])
        usual, spread = statistics.median(temperatures), statistics.pstdev(temperatures)
        outliers = [hour for hour, value in enumerate(temperatures) if abs(value - usual) > 3 * spread]
        for hour in outliers:
            context.submit_subtask(LookCloser(self.station, hour))
        context.current_task.display = f"FindOutliers({self.station}): {len(outliers)}"


if __name__ == "__main__":  # the SDK starts a process of its own that imports this file again
    client = Client(url=os.environ.get("BOXWOOD_URL", "http://127.0.0.1:8080"))
    runner = client.runner(tasks=[FindOutliers], cache=LocalFileSystemCache("cache"))
    with contextlib.suppress(KeyboardInterrupt):
        runner.run_forever()
