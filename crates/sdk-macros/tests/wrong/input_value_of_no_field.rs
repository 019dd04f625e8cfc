#[derive(boxwood::Task)]
#[task(input = "value")]
struct Blend;

fn main() {}
