//! Map and reduce: tasks that work side by side, and one that uses what they found out.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example sum_of_squares
//! ```
//!
//! Each `Square` puts its result into the cache of the job; `Sum` depends on all of them, starts when they are complete, and
//! reads the results. It logs `Computed sum of squares` with the result 336448. The job has eight tasks, drawn in
//! `sum-of-squares.svg`: solid arrows lead to sub-tasks, dashed ones to what a task waits for.
//!
//! The inputs are bare values here (`input = "value"`), as the Python SDK writes those of tasks with one field: tasks of the
//! same names in Python could take any of these over.

use boxwood::{Client, Execute, ExecutionContext, InMemoryCache, Result, Runner, Task};

#[derive(Task)]
#[task(input = "value")]
struct SumOfSquares {
    numbers: Vec<u64>,
}

#[derive(Task)]
#[task(input = "value", display = "Square({number})")]
struct Square {
    number: u64,
}

#[derive(Task)]
struct Sum;

impl Execute for SumOfSquares {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let squares = context.submit_subtasks(self.numbers.into_iter().map(|number| Square { number }));
        context.submit_subtask(Sum).depends_on(squares);
        Ok(())
    }
}

impl Execute for Square {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let square = self.number.pow(2);
        context.job_cache().group("squares").set(&self.number.to_string(), square.to_string()).await?;
        Ok(())
    }
}

impl Execute for Sum {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut result = 0;
        for (_, square) in context.job_cache().group("squares").items().await? {
            result += String::from_utf8(square)?.parse::<u64>()?;
        }
        tracing::info!(result, "Computed sum of squares");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let numbers = vec![12, 345, 453, 21, 45, 98];
    let job = client.jobs().submit("sum-of-squares", SumOfSquares { numbers }).await?;

    let runner = Runner::builder(&client)
        .task::<SumOfSquares>()
        .task::<Square>()
        .task::<Sum>()
        // Gone when the program ends. Runners in several programs share a LocalFileCache or an object store.
        .cache(InMemoryCache::new())
        .build()
        .await?;
    runner.run_all().await?;

    std::fs::write("sum-of-squares.svg", client.jobs().visualize(&job).await?)?;
    let job = client.jobs().find(&job).await?;
    println!("{} is {}; sum-of-squares.svg shows its {} tasks", job.name, job.state, job.stats.total_tasks);
    Ok(())
}
