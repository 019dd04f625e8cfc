#[derive(boxwood::Task)]
#[task(nmae = "acme.Mosaic", verison = "v1.0", colour = "red")]
struct Mosaic;

fn main() {}
