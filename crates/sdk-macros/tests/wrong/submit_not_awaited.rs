#![deny(unused_must_use)]

use boxwood::{Client, Task};

#[derive(Task)]
struct Tile;

async fn submit(client: Client) {
    client.jobs().submit("tile", Tile);
}

fn main() {}
