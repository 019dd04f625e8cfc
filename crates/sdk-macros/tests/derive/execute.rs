use boxwood::{Client, Runner, Task};

#[derive(Task)]
struct Submitted;

struct Plain;

async fn tasks(client: Client) {
    let _ = Runner::builder(&client).task::<Submitted>();
    let _ = client.jobs().submit("plain", Plain);
}

fn main() {}
