#[derive(boxwood::Task)]
#[task(version = "1.3.0")]
struct Mosaic;

#[derive(boxwood::Task)]
#[task(version = "latest")]
struct Tile;

fn main() {}
