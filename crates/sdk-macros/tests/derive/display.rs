use boxwood::Task;
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Tile {z}")]
struct Tile {
    x: u32,
}

fn main() {}
