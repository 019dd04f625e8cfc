"""Example 14: a failure deep inside an optional branch. `form` chooses among the printed and the described variants."""

from tilebox.workflows import ExecutionContext, Task

CORRECTED = "Step1B fails as a required child"
AS_PRINTED = "Step1 itself fails"
OPTIONAL_CHILD = "Step1B fails as an optional child"
DEPENDENT = "as CORRECTED, with AlwaysRuns depending on the branch"


class Pipeline(Task):
    form: str

    def execute(self, context: ExecutionContext) -> None:
        branch = context.submit_subtask(OptionalProcessing(self.form), optional=True)
        context.submit_subtask(AlwaysRuns(), depends_on=[branch] if self.form == DEPENDENT else [])


class OptionalProcessing(Task):
    form: str

    def execute(self, context: ExecutionContext) -> None:
        step_1 = context.submit_subtask(Step1(self.form))
        context.submit_subtask(Step2(), depends_on=[step_1])


class Step1(Task):
    form: str

    def execute(self, context: ExecutionContext) -> None:
        if self.form == AS_PRINTED:
            raise ValueError("step 1 failed")
        context.submit_subtask(Step1A())
        context.submit_subtask(Step1B(), optional=self.form == OPTIONAL_CHILD)
        context.submit_subtask(Step1C())


class Step1A(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Step1A ran")


class Step1B(Task):
    def execute(self, context: ExecutionContext) -> None:
        raise ValueError("step 1B failed")


class Step1C(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Step1C ran")


class Step2(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("Step2 ran")


class AlwaysRuns(Task):
    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("AlwaysRuns ran")


ALL = [Pipeline, OptionalProcessing, Step1, Step1A, Step1B, Step1C, Step2, AlwaysRuns]
