use boxwood::{Client, Runner, Task};

#[derive(Task)]
struct Tile;

async fn run(client: Client) -> boxwood::Result {
    Runner::builder(&client).task::<Tile>().build().await?.run_all().await?;
    Ok(())
}

fn main() {}
