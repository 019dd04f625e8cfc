#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
#[task(display = "Mosaic of {scenes.len()}")]
struct Mosaic {
    scenes: Vec<String>,
}

fn main() {}
