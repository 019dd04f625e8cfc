struct Scene;

#[derive(boxwood::Task)]
#[task(input = "value")]
struct Mosaic {
    scenes: Vec<Scene>,
}

fn main() {}
