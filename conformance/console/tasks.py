"""The tasks of the jobs that the pages show."""

from tilebox.workflows import ExecutionContext, Task

# What a page that reads text as HTML would run.
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
# What drives a terminal, and what turns the order of letters around.
ANSI = "\x1b[31mred\x1b[0m \u202eevil"
# What pushes a page wide.
LONG = "x" * 10_000


class Mosaic(Task):
    scenes: int

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("planning", scenes=self.scenes)
        context.progress("scenes").add(self.scenes)
        scenes = [context.submit_subtask(Scene(number)) for number in range(self.scenes)]
        context.submit_subtask(Blend("alps"), depends_on=scenes)


class Scene(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = f"Scene {self.number:03d}"
        with context.tracer.span("download"):
            context.logger.warning("cloudy", cover=0.83)
        context.progress("scenes").done(1)


class Blend(Task):
    region: str

    def execute(self, context: ExecutionContext) -> None:
        context.logger.info("blended")


class Ingest(Task):
    files: int

    def execute(self, context: ExecutionContext) -> None:
        for file in range(self.files):
            context.submit_subtask(Parse(file), optional=file == 0)


class Parse(Task):
    """The first file fails for good, the last one until it is retried."""

    file: int
    attempts = 0

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = f"Parse file {self.file}"
        if self.file == 0:
            raise ValueError("line 17: expected 12 columns")
        if self.file == 2:
            Parse.attempts += 1
            if Parse.attempts == 1:
                context.logger.error("gave up")
                raise ValueError("line 4: no such region")


class Hostile(Task):
    text: str

    @staticmethod
    def identifier() -> tuple[str, str]:
        return HOSTILE, "v0.0"

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = HOSTILE
        context.progress(HOSTILE).add(2)
        context.logger.error(f"{ANSI} {HOSTILE}", **{HOSTILE: HOSTILE})
        context.logger.warning(LONG, **{"long": LONG})
        with context.tracer.span(HOSTILE):
            pass
        with context.tracer.span(LONG):
            pass
        context.submit_subtask(Bad(LONG[:1000]), optional=True)
        context.submit_subtask(Bad(f"{ANSI} {HOSTILE}"))


class Bad(Task):
    """Fails for good, with a hostile text."""

    text: str

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = self.text
        raise ValueError(f"{HOSTILE} {ANSI} {LONG}")


class Census(Task):
    """More tasks than any list has at first, of which the last ones fail."""

    homes: int

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([Leaf(number) for number in range(self.homes)])
        context.submit_subtask(Count("attics"), optional=True)
        context.submit_subtask(Count("cellars"), max_retries=2)


class Count(Task):
    what: str

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = f"Count {self.what}"
        raise ValueError(f"nobody opens: {self.what}")


class Talk(Task):
    """Logs many lines and fails; tried again it logs as many."""

    lines: int
    attempts = 0

    def execute(self, context: ExecutionContext) -> None:
        for line in range(self.lines):
            context.logger.info("says", line=line)
        Talk.attempts += 1
        if Talk.attempts == 1:
            raise ValueError("has not finished")


class Bars(Task):
    bars: int

    def execute(self, context: ExecutionContext) -> None:
        for number in range(self.bars):
            context.progress(f"indicator {number}").add(100)


class Wide(Task):
    leaves: int

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([Leaf(number) for number in range(self.leaves)])


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        pass


ALL = [Mosaic, Scene, Blend, Ingest, Parse, Hostile, Bad, Census, Count, Bars, Talk, Wide, Leaf]
