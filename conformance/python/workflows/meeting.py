"""Tasks that meet the case at its rendezvous, for runners in processes of their own."""

from tilebox.workflows import ExecutionContext, Task

from harness.rendezvous import arrive, meet, pass_gate


class FanOut(Task):
    """Submits `count` tasks that are all needed at the same place at the same time."""

    place: str
    count: int

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([Meet(self.place, self.count) for _ in range(self.count)])


class Meet(Task):
    """Ends only if `count` of them run at once."""

    place: str
    count: int

    def execute(self, context: ExecutionContext) -> None:
        meet(self.place, self.count)


class AfterOne(Task):
    """Submits one task, and `count` that wait for it and are then needed at the same time."""

    place: str
    count: int

    def execute(self, context: ExecutionContext) -> None:
        one = context.submit_subtask(Mark(f"{self.place} one"))
        context.submit_subtasks([Meet(self.place, self.count) for _ in range(self.count)], depends_on=one)


class Hold(Task):
    """Says that it started, then runs until the case opens its gate."""

    gate: str

    def execute(self, context: ExecutionContext) -> None:
        arrive(f"{self.gate} started")
        pass_gate(self.gate)


class HoldOther(Hold):
    """The same under another name, for runners that shall not know each other's tasks."""

    execute = Hold.execute  # a class without its own `execute` cannot be registered (T-4)


class Mark(Task):
    """Says that it ran."""

    place: str

    def execute(self, context: ExecutionContext) -> None:
        arrive(self.place)
