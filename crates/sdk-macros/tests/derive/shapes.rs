use boxwood::Task;

#[derive(Task)]
enum Step {
    Load,
    Store,
}

#[derive(Task)]
struct Of<T>(T);

#[derive(Task)]
struct Borrowed<'a> {
    scene: &'a str,
}

#[derive(Task)]
struct Bare(u32);

#[derive(Task)]
struct Pair(u32, u32);

#[derive(Task)]
#[task(input = "value")]
struct Two {
    x: u32,
    y: u32,
}

#[derive(Task)]
#[task(input = "value")]
struct Nothing;

fn main() {}
