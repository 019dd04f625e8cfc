#[derive(boxwood::Task)]
#[task(input = "value")]
struct Tile {
    x: u32,
    y: u32,
}

fn main() {}
