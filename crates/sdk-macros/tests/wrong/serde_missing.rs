#[derive(boxwood::Task)]
struct Mosaic {
    scenes: Vec<String>,
}

fn main() {}
