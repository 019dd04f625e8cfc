//! Whatever task code does, the runner goes on.

use std::error::Error as StdError;
use std::fmt;

use boxwood::{Execute, ExecutionContext, JobState, Runner, Task, TaskState};
use serde::{Deserialize, Serialize};

use crate::here::{Here, here};

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// An error that cannot even be shown.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("cannot be shown")
    }
}

impl StdError for Unspeakable {}

/// An error that panics when it is dropped.
#[derive(Debug)]
struct Explosive(Bomb);

impl fmt::Display for Explosive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("explosive")
    }
}

impl StdError for Explosive {}

/// An error with the errors that caused it.
#[derive(Debug)]
struct Layer(&'static str, Option<Box<Layer>>);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Layer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|layer| layer as _)
    }
}

#[derive(Serialize, Deserialize)]
enum Way {
    Panic,
    PanicWithoutText,
    PanicWithBomb,
    PanicInDrop,
    Unspeakable,
    Explosive,
    Chain,
}

#[derive(Task, Serialize, Deserialize)]
struct Fails {
    way: Way,
}

impl Execute for Fails {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        match self.way {
            Way::Panic => panic!("no tile {}", 7),
            Way::PanicWithoutText => std::panic::panic_any(7),
            Way::PanicWithBomb => std::panic::panic_any(Bomb),
            Way::PanicInDrop => {
                let _bomb = Bomb;
                tokio::task::yield_now().await;
                Ok(())
            }
            Way::Unspeakable => Err(Unspeakable.into()),
            Way::Explosive => Err(Explosive(Bomb).into()),
            Way::Chain => {
                let root = Layer("permission denied", None);
                let middle = Layer("cannot open tile 7", Some(Box::new(root)));
                Err(Layer("cannot draw the mosaic", Some(Box::new(middle))).into())
            }
        }
    }
}

async fn build(here: &Here) -> Runner {
    let builder = Runner::builder(&here.client).task::<Fails>().task::<Many>().task::<After>();
    builder.concurrency(4).signals(false).build().await.unwrap()
}

#[tokio::test]
async fn r_60_every_way_to_fail_ends_the_execution_and_not_the_runner() {
    let here = here().await;
    let runner = build(&here).await;
    for (way, expected) in [
        (Way::Panic, "panicked: no tile 7"),
        (Way::PanicWithoutText, "panicked: with something that is no text"),
        (Way::PanicWithBomb, "panicked: with something that is no text"),
        (Way::PanicInDrop, "panicked: dropped"),
        (Way::Unspeakable, "panicked: cannot be shown"),
        (Way::Explosive, "panicked: dropped"),
        (Way::Chain, "cannot draw the mosaic: cannot open tile 7: permission denied"),
    ] {
        let job = here.client.jobs().submit("fails", Fails { way }).await.unwrap();
        assert_eq!(runner.run_all().await.unwrap().failed, 1);
        let task = here.task(&job).await;
        assert_eq!((task.state, task.display), (TaskState::Failed, format!("Fails\n{expected}")));
    }
    here.server.stop().await.unwrap();
}

#[derive(Task, Serialize, Deserialize)]
struct Many {
    panics: u32,
}

#[derive(Task)]
struct After;

impl Execute for Many {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let panics = context.submit_subtasks((0..self.panics).map(|_| Fails { way: Way::Panic })).optional();
        context.submit_subtask(After).depends_on(panics);
        Ok(())
    }
}

impl Execute for After {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

#[tokio::test]
async fn r_60_a_thousand_panics_do_not_end_the_runner() {
    let here = here().await;
    let job = here.client.jobs().submit("many", Many { panics: 1000 }).await.unwrap();
    let summary = build(&here).await.run_all().await.unwrap();
    assert_eq!((summary.computed, summary.failed), (2, 1000));
    let job = here.client.jobs().find(&job).await.unwrap();
    assert_eq!((job.state, job.stats.tasks(TaskState::FailedOptional)), (JobState::Completed, 1000));
    here.server.stop().await.unwrap();
}
