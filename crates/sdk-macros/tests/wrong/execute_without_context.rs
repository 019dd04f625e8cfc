use boxwood::{Execute, Result, Task};

#[derive(Task)]
struct Tile;

impl Execute for Tile {
    async fn execute(self) -> Result {
        Ok(())
    }
}

fn main() {}
