use boxwood::{Execute, ExecutionContext, Task};

#[derive(Task)]
struct Tile;

impl Execute for Tile {
    async fn execute(self, context: &ExecutionContext) {
        context.set_display("a tile");
    }
}

fn main() {}
