use std::sync::Mutex;

use boxwood::{Execute, ExecutionContext, Result, Subtask, Task};

static LAST: Mutex<Option<Subtask<'static>>> = Mutex::new(None);

#[derive(Task)]
struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        *LAST.lock().unwrap() = Some(context.submit_subtask(Tile));
        Ok(())
    }
}

fn main() {}
