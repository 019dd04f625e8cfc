use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Blend;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(Blend).depends_on(context.task_id());
        Ok(())
    }
}

fn main() {}
