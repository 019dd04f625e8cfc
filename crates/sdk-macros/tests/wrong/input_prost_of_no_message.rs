#[derive(boxwood::Task)]
#[task(input = "prost")]
struct Download {
    scenes: Vec<String>,
}

fn main() {}
