//! A workflow with unit tests: no server, no waiting, and whatever chance and failures may bring.
//!
//! ```sh
//! cargo test --features testing --example unit_tested # the tests at the end of this file
//!
//! boxwood serve                   # in another terminal
//! cargo run --example unit_tested # the workflow itself
//! ```
//!
//! An order is reserved item by item; then it is charged, then shipped. The customer gets a mail as well, but nothing depends
//! on it. The tests run the workflow with the rules of the server, in the process: the usual way, with a lost mail, with an
//! item that is out of stock, and with runners that die at the worst moment, in a hundred different orders of events.
//! Programs of your own get `boxwood::testing` by `boxwood = { …, features = ["testing"] }` in their `[dev-dependencies]`.

use boxwood::{Client, Execute, ExecutionContext, LocalFileCache, Result, Runner, Task};
use serde::{Deserialize, Serialize};

const STOCK: [(&str, u64); 3] = [("lamp", 30), ("chair", 80), ("table", 250)];

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Order {number}")]
struct Order {
    number: u64,
    items: Vec<String>,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Reserve a {item}")]
struct Reserve {
    item: String,
}

#[derive(Task, Serialize, Deserialize)]
struct Charge {
    number: u64,
}

#[derive(Task, Serialize, Deserialize)]
struct Ship {
    number: u64,
}

#[derive(Task, Serialize, Deserialize)]
struct Mail {
    number: u64,
}

impl Execute for Order {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let Self { number, items } = self;
        let reserved = context.submit_subtasks(items.into_iter().map(|item| Reserve { item })).max_retries(2);
        let charged = context.submit_subtask(Charge { number }).depends_on(reserved);
        context.submit_subtask(Ship { number }).depends_on(charged);
        context.submit_subtask(Mail { number }).depends_on(charged).optional();
        Ok(())
    }
}

impl Execute for Reserve {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let price = STOCK.iter().find(|(item, _)| *item == self.item).map(|(_, price)| price);
        let price = price.ok_or_else(|| format!("there is no {}", self.item))?;
        Ok(context.job_cache().group("reserved").set(&self.item, price.to_string()).await?)
    }
}

impl Execute for Charge {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut sum = 0;
        for (_, price) in context.job_cache().group("reserved").items().await? {
            sum += String::from_utf8(price)?.parse::<u64>()?;
        }
        // A task may be executed again although it succeeded, if its runner could not say so. The number of the order
        // makes sure that this is one booking all the same.
        let bookings = context.job_cache().group("bookings");
        bookings.set(&self.number.to_string(), sum.to_string()).await?;
        context.set_display(format!("Charge {sum}"));
        Ok(())
    }
}

impl Execute for Ship {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!(order = self.number, "shipped");
        Ok(())
    }
}

impl Execute for Mail {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!(order = self.number, "mail sent");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("order 7", order()).await?;

    let runner = Runner::builder(&client)
        .task::<Order>()
        .task::<Reserve>()
        .task::<Charge>()
        .task::<Ship>()
        .task::<Mail>()
        .cache(LocalFileCache::new("cache"))
        .build()
        .await?;
    runner.run_all().await?;

    let tree = client.jobs().task_tree(&job, 100).await?;
    tree.walk(|_, task| println!("{:<16} {}", task.state, task.display));
    Ok(())
}

fn order() -> Order {
    Order { number: 7, items: ["lamp", "table"].map(String::from).into() }
}

#[cfg(test)]
mod tests {
    use boxwood::TaskState;
    use boxwood::testing::{Fault, Workflow, for_each_seed};

    use super::*;

    fn workflow() -> Workflow {
        Workflow::new().task::<Order>().task::<Reserve>().task::<Charge>().task::<Ship>().task::<Mail>()
    }

    #[tokio::test]
    async fn an_order_is_reserved_charged_shipped_and_confirmed() -> Result {
        let run = workflow().run(order()).await?;
        run.assert_completed();
        assert_eq!(run.order(), ["Order 7", "Reserve a lamp", "Reserve a table", "Charge", "Ship", "Mail"]);
        assert_eq!(run.task::<Charge>().display(), "Charge 280");
        assert_eq!(run.cache().get("bookings/7").await?, b"280");
        Ok(())
    }

    #[tokio::test]
    async fn a_lost_mail_does_not_stop_the_parcel() -> Result {
        let run = workflow().fault(Fault::<Mail>::error("the mailbox is full").always()).run(order()).await?;
        run.assert_completed();
        assert_eq!(run.task::<Ship>().state(), TaskState::Computed);
        assert_eq!(run.task::<Mail>().error(), Some("the mailbox is full"));
        Ok(())
    }

    #[tokio::test]
    async fn nothing_is_charged_for_what_is_out_of_stock() -> Result {
        let run = workflow().run(Order { number: 8, items: vec!["lamp".into(), "piano".into()] }).await?;
        run.assert_failed();
        // Once, and two retries.
        run.assert_executions::<Reserve>(1 + 3);
        run.assert_executions::<Charge>(0);
        assert!(run.cache().group("bookings").keys().await?.is_empty());
        Ok(())
    }

    #[tokio::test]
    async fn whatever_goes_wrong_an_order_is_charged_once() {
        // Three runners. One dies after it has charged, before it can say so; another hangs over a reservation.
        let workflow = workflow()
            .runners(3)
            .fault(Fault::<Charge>::lost_runner().after_execution())
            .fault(Fault::<Reserve>::late_runner());
        for_each_seed(0..100, async |seed| {
            let run = workflow.clone().seed(seed).run(order()).await?;
            run.assert_completed();
            run.assert_executions::<Charge>(2);
            run.assert_before::<Charge, Ship>();
            assert_eq!(run.cache().group("bookings").items().await?, [("7".to_owned(), b"280".to_vec())]);
            Ok(())
        })
        .await;
    }
}
