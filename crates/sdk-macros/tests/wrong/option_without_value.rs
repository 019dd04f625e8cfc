#[derive(boxwood::Task)]
#[task(display)]
struct Mosaic;

fn main() {}
