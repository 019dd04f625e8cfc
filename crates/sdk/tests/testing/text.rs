//! What a person reads when something is not as it should be.

use std::panic::{AssertUnwindSafe, catch_unwind};

use boxwood::testing::Fault;
use boxwood::{JobState, Task};

use super::{Fan, Last, Leaf, fan};

/// A kind of task that is in no job.
#[derive(Task)]
struct Other;

/// The message of a panic that must happen.
pub(crate) fn panic_of(doing: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(doing)).expect_err("it does not hold");
    panic.downcast_ref::<String>().expect("a message with details").clone()
}

#[tokio::test]
async fn a_failed_assertion_shows_the_seed_the_tasks_and_what_happened() {
    let workflow = fan().seed(7).fault(Fault::<Leaf>::error("no\nink").nth(2));
    let run = workflow.run(Fan { leaves: 3 }).await.unwrap();
    let message = panic_of(|| run.assert_completed());
    let tasks = "The tasks:\n\
        Fan(3) COMPUTED\n\
        ├─ Leaf(1) COMPUTED\n\
        ├─ Leaf(2) FAILED: no / ink\n\
        ├─ Leaf(3) QUEUED\n\
        └─ Last QUEUED\n";
    assert!(message.starts_with("seed 7: the job is FAILED, not COMPLETED\n"), "{message}");
    assert!(message.contains(tasks), "{message}");
    assert!(message.contains("runner 0 reports #3 Leaf(2): failed: no / ink, it is FAILED\n"), "{message}");

    for (message, says) in [
        (panic_of(|| run.assert_state(JobState::Canceled)), "the job is FAILED, not CANCELED"),
        (panic_of(|| run.assert_executions::<Leaf>(3)), "Leaf v0.0 was executed 2 times, not 3 times"),
        (panic_of(|| run.assert_before::<Leaf, Last>()), "Last v0.0 was not executed"),
        (panic_of(|| run.assert_before::<Leaf, Fan>()), "Fan(3) started before Leaf(1) had ended"),
        (panic_of(|| drop(run.task::<Leaf>())), "there are 3 tasks Leaf v0.0"),
        (panic_of(|| drop(run.task::<Other>())), "there is no task Other v0.0"),
    ] {
        assert!(message.starts_with(&format!("seed 7: {says}\n")), "{message}");
    }
}

#[tokio::test]
async fn the_trace_tells_everything_that_happened() {
    let workflow = fan().fault(Fault::<Leaf>::lost_runner().after_execution());
    let run = workflow.run(Fan { leaves: 1 }).await.unwrap();
    let events: Vec<&str> = run.trace().lines().map(|line| line.split_once(" s  ").unwrap().1).collect();
    assert_eq!(
        events,
        [
            "job \"test\" is submitted",
            "runner 0 takes #1 Fan(1)",
            "runner 0 executes #1 Fan(1)",
            "runner 0 reports #1 Fan(1): computed, 2 sub-tasks",
            "runner 0 takes #2 Leaf(1)",
            "runner 0 executes #2 Leaf(1)",
            "runner 0 is lost with #2 Leaf(1)",
            "the lease of #2 Leaf(1) runs out, it is QUEUED",
            "runner 0 takes #2 Leaf(1), retry 1",
            "runner 0 executes #2 Leaf(1)",
            "runner 0 reports #2 Leaf(1): computed",
            "runner 0 takes #3 Last",
            "runner 0 executes #3 Last",
            "runner 0 reports #3 Last: computed",
        ]
    );
}
