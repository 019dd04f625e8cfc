#[derive(boxwood::Task)]
#[task(input = "value")]
struct Resample<T>(T);

fn main() {}
