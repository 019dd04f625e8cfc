//! A task with inputs: the fields of its struct.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example inputs
//! ```
//!
//! It prints `HelloHelloHello`, and the input as the server keeps it: one JSON object, with the fields in their order.
//! Tasks of the Python and Go SDKs with fields of the same names read the same object.

use std::collections::BTreeMap;

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

/// Whatever serde can write and read can be an input. It has room for 2048 bytes; larger data goes into the job cache.
#[derive(Task, Serialize, Deserialize)]
struct ParametrizableTask {
    message: String,
    number: usize,
    data: BTreeMap<String, String>,
}

impl Execute for ParametrizableTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        println!("{}", self.message.repeat(self.number));
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let task = ParametrizableTask {
        message: "Hello".into(),
        number: 3,
        data: BTreeMap::from([("key".into(), "value".into())]),
    };
    let job = client.jobs().submit("parametrizable-task", task).await?;

    Runner::builder(&client).task::<ParametrizableTask>().build().await?.run_all().await?;

    for task in client.jobs().tasks(&job).all().await? {
        println!("{} had the input {}", task.display, String::from_utf8(task.input)?);
    }
    Ok(())
}
