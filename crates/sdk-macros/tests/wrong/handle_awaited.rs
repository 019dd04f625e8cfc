use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(Tile).await;
        context.submit_subtasks([Tile, Tile]).await;
        Ok(())
    }
}

fn main() {}
