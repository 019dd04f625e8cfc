#[derive(boxwood::Task)]
enum Step {
    Load,
    Store,
}

fn main() {
    let _ = Step::Load;
}
