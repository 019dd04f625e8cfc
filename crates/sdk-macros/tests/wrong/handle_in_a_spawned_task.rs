use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let tile = context.submit_subtask(Tile);
        tokio::spawn(async move { drop(tile) });
        Ok(())
    }
}

fn main() {}
