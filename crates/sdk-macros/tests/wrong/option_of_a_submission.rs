#[derive(boxwood::Task)]
#[task(retries = 3, cluster = "gpu")]
struct Mosaic;

fn main() {}
