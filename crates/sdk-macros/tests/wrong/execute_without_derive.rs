use boxwood::{Execute, ExecutionContext, Result};

struct Tile;

impl Execute for Tile {
    async fn execute(self, _: &ExecutionContext) -> Result {
        Ok(())
    }
}

fn main() {}
