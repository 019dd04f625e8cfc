"""Examples 1, 2, 3 and 8: a task, its inputs, its children, recursion."""

from typing import Any

from tilebox.workflows import ExecutionContext, Task


class MyFirstTask(Task):
    """Example 1."""

    def execute(self, context: ExecutionContext) -> None:
        print("Hello World!")


class ParametrizableTask(Task):
    """Example 2."""

    message: str
    number: int
    data: dict[str, Any]

    def execute(self, context: ExecutionContext) -> None:
        print(self.message * self.number)


class ParentTask(Task):
    """Example 3."""

    num_subtasks: int

    def execute(self, context: ExecutionContext) -> None:
        for index in range(self.num_subtasks):
            context.submit_subtask(ChildTask(index))


class ChildTask(Task):
    """Example 3."""

    index: int

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Executing child task", index=self.index)


class RecursiveTask(Task):
    """Example 8."""

    num: int

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Executing recursive task", num=self.num)
        if self.num > 1:
            context.submit_subtask(RecursiveTask(self.num // 2))
