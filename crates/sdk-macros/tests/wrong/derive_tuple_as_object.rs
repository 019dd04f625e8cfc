#[derive(boxwood::Task)]
struct Square(u32);

#[derive(boxwood::Task)]
struct Tile(u32, u32);

fn main() {}
