use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Blend;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(Blend).depends_on(Tile);
        Ok(())
    }
}

fn main() {}
