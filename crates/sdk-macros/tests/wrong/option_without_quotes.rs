#[derive(boxwood::Task)]
#[task(name = Mosaic)]
struct Mosaic;

fn main() {}
