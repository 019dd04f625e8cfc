#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
struct Mosaic {
    #[task(skip)]
    scenes: Vec<String>,
}

fn main() {}
