#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
#[task(display = "Tile {x}/{z}")]
struct Tile {
    x: u32,
    y: u32,
}

fn main() {}
