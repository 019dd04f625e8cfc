#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
#[task(display = "Tile {}")]
struct Tile {
    x: u32,
}

#[derive(boxwood::Task)]
#[task(display = "{ready}")]
struct Blend;

fn main() {}
