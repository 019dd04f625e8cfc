use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(vec![Tile, Tile]);
        Ok(())
    }
}

fn main() {}
