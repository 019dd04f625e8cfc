#[derive(boxwood::Task)]
#[task(version = 1.3)]
struct Mosaic;

fn main() {}
