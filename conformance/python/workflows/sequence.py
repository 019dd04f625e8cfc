"""Example 11: three tasks, each waiting for the one before; and its variant in which the first has children."""

from tilebox.workflows import ExecutionContext, Task


class RootTask(Task):
    def execute(self, context: ExecutionContext) -> None:
        first = context.submit_subtask(PrintTask("Executing first"))
        second = context.submit_subtask(PrintTask("Executing second"), depends_on=[first])
        context.submit_subtask(PrintTask("Executing last"), depends_on=[second])


class PrintTask(Task):
    message: str

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Print task executed", message=self.message)


class RootWithBranch(Task):
    """The first of the three has children of its own."""

    def execute(self, context: ExecutionContext) -> None:
        first = context.submit_subtask(Branching())
        context.submit_subtask(PrintTask("Executing second"), depends_on=first)


class Branching(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([PrintTask("child 1"), PrintTask("child 2")])
