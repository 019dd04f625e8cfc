//! What the tasks of a runner share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use boxwood::{Error, Execute, ExecutionContext, Runner, StateType, Task, TaskState};
use serde::{Deserialize, Serialize};

use crate::here::here;

struct Greeting(&'static str);

#[derive(Task, Serialize, Deserialize)]
struct Count {
    amount: u64,
}

impl Execute for Count {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let counter = Arc::clone(context.state::<Arc<AtomicU64>>()?);
        let amount = self.amount;
        tokio::task::spawn_blocking(move || counter.fetch_add(amount, Ordering::Relaxed)).await?;
        context.set_display(context.state::<Greeting>()?.0);
        Ok(())
    }

    fn required_state() -> Vec<StateType> {
        vec![StateType::of::<Arc<AtomicU64>>()]
    }
}

#[tokio::test]
async fn r_74_tasks_see_the_values_of_their_runner() {
    let here = here().await;
    let jobs =
        [here.client.jobs().submit("a", Count { amount: 3 }), here.client.jobs().submit("b", Count { amount: 4 })];
    let [first, second] = jobs;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let counter = Arc::new(AtomicU64::new(0));
    let builder = Runner::builder(&here.client).task::<Count>().state(Arc::clone(&counter)).state(Greeting("hello"));
    let runner = builder.concurrency(2).signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().computed, 2);
    assert_eq!(counter.load(Ordering::Relaxed), 7);
    assert_eq!((here.task(&first).await.display, here.task(&second).await.display), ("hello".into(), "hello".into()));
    drop(runner);
    assert_eq!(Arc::strong_count(&counter), 1, "what a runner was given goes with it");
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_74_a_runner_without_what_a_task_requires_is_not_built() {
    let here = here().await;
    let build = || Runner::builder(&here.client).task::<Count>().signals(false);
    let error = build().state(Greeting("hello")).build().await.unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "state", .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("AtomicU64") && text.contains("task Count v0.0") && text.contains(".state(value)"), "{text}");
    let twice = build().state(Greeting("hello")).state(Greeting("good bye")).build().await.unwrap_err().to_string();
    assert!(twice.contains("two values") && twice.contains("Greeting"), "{twice}");
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_74_a_value_that_is_merely_asked_for_and_missing_fails_the_task() {
    let here = here().await;
    let job = here.client.jobs().submit("count", Count { amount: 1 }).await.unwrap();
    let builder = Runner::builder(&here.client).task::<Count>().state(Arc::new(AtomicU64::new(0)));
    builder.signals(false).build().await.unwrap().run_all().await.unwrap();
    let task = here.task(&job).await;
    assert_eq!(task.state, TaskState::Failed);
    assert!(task.display.contains("Greeting") && task.display.contains(".state(value)"), "{}", task.display);
    here.server.stop().await.unwrap();
}
