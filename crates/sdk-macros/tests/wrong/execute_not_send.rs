use std::rc::Rc;

use boxwood::{Execute, ExecutionContext, Result, Task};

#[derive(Task)]
struct Tile;

impl Execute for Tile {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let count = Rc::new(1);
        context.job_cache().set("count", Vec::new()).await?;
        drop(count);
        Ok(())
    }
}

fn main() {}
