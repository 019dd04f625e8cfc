#[derive(boxwood::Task)]
struct Scene<'a> {
    name: &'a str,
}

fn main() {}
