use boxwood::Task;

#[derive(Task)]
#[task(nmae = "acme.Mosaic", version = "1.3", input = "json", retries = 3)]
struct Mosaic;

#[derive(Task)]
#[task(name = "", name = "acme.Tile", version = v1)]
struct Tile;

#[derive(Task)]
#[task(display)]
struct Blend;

fn main() {}
