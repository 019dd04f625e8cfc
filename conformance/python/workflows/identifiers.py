"""Examples 15 and 16: identifiers and versions of one's own."""

from typing import ClassVar

from tilebox.workflows import ExecutionContext, Task

NAME = "tilebox.com/example_workflow/MyTask"


class MyTask(Task):
    """Example 15: the identifier follows from the class."""

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = "executed by MyTask"


class MyTask2(Task):
    """Example 15: the identifier is given."""

    @staticmethod
    def identifier() -> tuple[str, str]:
        return NAME, "v1.0"

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = "executed by MyTask2"


class Versioned(Task):
    """Example 16; the classes made by `at_version` differ in nothing but their version."""

    version: ClassVar[str] = "v0.0"

    @classmethod
    def identifier(cls) -> tuple[str, str]:
        return NAME, cls.version

    def execute(self, context: ExecutionContext) -> None:
        seen = context.current_task.identifier
        context.current_task.display = f"{type(self).version} saw {seen.name} {seen.version}"


def at_version(version: str) -> type[Versioned]:
    """A class of the one name at `version`."""
    return type(Versioned)(f"MyTask_{version}", (Versioned,), {"version": version, "execute": Versioned.execute})
