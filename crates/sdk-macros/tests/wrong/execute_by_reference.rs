use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

impl Execute for Tile {
    async fn execute(&self, context: &ExecutionContext) -> Result {
        context.set_display("a tile");
        Ok(())
    }
}

fn main() {}
