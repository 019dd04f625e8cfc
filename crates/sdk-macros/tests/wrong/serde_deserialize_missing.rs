#[derive(boxwood::Task, serde::Serialize)]
struct Mosaic {
    scenes: Vec<String>,
}

fn main() {}
