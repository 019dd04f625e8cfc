"""Example 13: a required and an optional task, and one that depends on both."""

from typing import ClassVar

from tilebox.workflows import ExecutionContext, Task


class RootTask(Task):
    flaky_retries: int

    def execute(self, context: ExecutionContext) -> None:
        required = context.submit_subtask(RequiredTask())
        flaky = context.submit_subtask(FlakyTask(), optional=True, max_retries=self.flaky_retries)
        context.submit_subtask(FinalTask(), depends_on=[required, flaky])


class RequiredTask(Task):
    fails: ClassVar[bool] = False

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Running required task")
        if RequiredTask.fails:
            raise ValueError("the required task failed")


class FlakyTask(Task):
    fails: ClassVar[bool] = False

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Running flaky task")
        if FlakyTask.fails:
            raise ValueError("the flaky task failed")


class FinalTask(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Running final task")
