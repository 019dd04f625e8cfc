#[derive(boxwood::Task, serde::Serialize, serde::Deserialize)]
#[task(input = "json")]
struct Mosaic {
    scenes: Vec<String>,
}

#[derive(boxwood::Task)]
#[task(input = "protobuf")]
struct Tile(u32);

fn main() {}
