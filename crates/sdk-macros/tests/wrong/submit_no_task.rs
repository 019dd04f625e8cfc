use boxwood::{Client, Execute, ExecutionContext, Result, Task};

struct Tile;

#[derive(Task)]
struct Mosaic;

impl Execute for Mosaic {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(Tile);
        Ok(())
    }
}

async fn submit(client: Client) -> Result {
    client.jobs().submit("tile", Tile).await?;
    Ok(())
}

fn main() {}
