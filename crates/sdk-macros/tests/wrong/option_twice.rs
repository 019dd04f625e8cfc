#[derive(boxwood::Task)]
#[task(name = "acme.Mosaic")]
#[task(name = "acme.Tile")]
struct Mosaic;

fn main() {}
