use boxwood::{Execute, ExecutionContext, Result, Subtask, Task};

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result<Subtask<'_>> {
        Ok(context.submit_subtask(Tile))
    }
}

fn main() {}
