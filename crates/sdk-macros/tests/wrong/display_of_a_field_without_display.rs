#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
#[task(display = "Mosaic of {scenes}")]
struct Mosaic {
    scenes: Vec<String>,
}

fn main() {}
