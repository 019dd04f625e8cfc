"""Example 10: a task that fails, retried. How often it fails is fixed here instead of left to chance."""

from typing import ClassVar

from tilebox.workflows import ExecutionContext, Task


class RootTask(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtask(FlakyTask(), max_retries=5)


class FlakyTask(Task):
    failures_left: ClassVar[int] = 0

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Executing flaky task", retry_count=context.current_task.retry_count)
        if FlakyTask.failures_left > 0:
            FlakyTask.failures_left -= 1
            raise RuntimeError("bad luck")
