"""Examples 6 and 7: map-reduce through the job cache."""

from tilebox.workflows import ExecutionContext, Task

NUMBERS = [12, 345, 453, 21, 45, 98]


class SumOfSquares(Task):
    numbers: list[int]

    def execute(self, context: ExecutionContext) -> None:
        squares = context.submit_subtasks([Square(number) for number in self.numbers])
        context.submit_subtask(Sum(), depends_on=squares)


class Square(Task):
    num: int

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = f"Square({self.num})"
        context.job_cache.group("squares")[str(self.num)] = str(self.num**2).encode()


class Sum(Task):
    def execute(self, context: ExecutionContext) -> None:
        result = sum(int(square) for _, square in context.job_cache.group("squares").items())
        context.logger.info("Computed sum of squares", result=result)
