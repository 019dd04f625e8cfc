#[derive(boxwood::Task)]
#[task(name = "")]
struct Mosaic;

fn main() {}
