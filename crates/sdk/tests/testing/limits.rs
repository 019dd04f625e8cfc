//! Limits are those of production, and mistakes in a test are named.

use boxwood::testing::{VirtualRunner, Workflow};
use boxwood::{Code, Error, Execute, ExecutionContext, RawTask, Task};
use serde::{Deserialize, Serialize};

use super::{Fan, Last, Leaf, fan};

/// What makes a task do something that is not allowed.
#[derive(Task, Serialize, Deserialize, Clone, Copy)]
struct Mistake {
    kind: Kind,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
enum Kind {
    LongInput,
    ManyGroups,
    UnknownCluster,
    MalformedCluster,
    LongLabel,
}

impl Execute for Mistake {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        match self.kind {
            Kind::LongInput => {
                context.submit_subtask(RawTask::new("a", "v1.0")?.input(vec![0; 2049]));
            }
            Kind::ManyGroups => {
                let mut before = context.submit_subtask(Last);
                for _ in 0..64 {
                    before = context.submit_subtask(Last).depends_on(before);
                }
            }
            Kind::UnknownCluster => {
                context.submit_subtask(Last).cluster("gpu");
            }
            Kind::MalformedCluster => {
                context.submit_subtask(Last).cluster("g p u");
            }
            Kind::LongLabel => {
                context.progress("x".repeat(101)).add(1);
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn r_51_what_a_task_may_not_submit_fails_it() {
    let workflow = Workflow::new().task::<Mistake>().task::<Last>();
    for (kind, says) in [
        (Kind::LongInput, "2049 bytes"),
        (Kind::ManyGroups, "at most 64 are allowed"),
        (Kind::UnknownCluster, "there is no cluster \"gpu\""),
        (Kind::MalformedCluster, "\"g p u\""),
        (Kind::LongLabel, "101 characters"),
    ] {
        let run = workflow.job(Mistake { kind }).max_retries(1).run().await.unwrap();
        run.assert_failed();
        run.assert_executions::<Mistake>(2);
        assert_eq!(run.all_tasks().len(), 1, "no child is stored");
        let task = run.task::<Mistake>();
        let first = task.executions().next().unwrap();
        assert!(task.error().unwrap().contains(says), "{:?}", task.error());
        assert!(task.display().contains(says) && first.error().unwrap().contains(says), "{task:?}");
    }
    // The last line of what is allowed.
    let run = workflow.cluster("gpu").run(Mistake { kind: Kind::UnknownCluster }).await.unwrap();
    assert_eq!(run.task::<Last>().cluster(), "gpu");
}

#[derive(Task, Serialize, Deserialize)]
struct Endless {
    level: u64,
}

impl Execute for Endless {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(Endless { level: self.level + 1 });
        Ok(())
    }
}

#[tokio::test]
async fn t_77_a_workflow_that_never_ends_is_stopped_and_says_what_there_was() {
    let workflow = Workflow::new().task::<Endless>().executions_max(100);
    let error = workflow.run(Endless { level: 0 }).await.unwrap_err();
    assert!(matches!(error, Error::Endless { executions: 100, .. }), "{error:?}");
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.to_string().contains("100 Endless v0.0 COMPUTED"), "{error}");
    assert!(error.next_step().unwrap().contains("recursion"));

    let enough = fan().executions_max(4).run(Fan { leaves: 2 }).await.unwrap();
    enough.assert_completed();
    assert!(fan().executions_max(3).run(Fan { leaves: 2 }).await.is_err());
}

#[tokio::test]
async fn mistakes_in_the_set_up_are_named() {
    let long = RawTask::new("a", "v1.0").unwrap().input(vec![0; 2049]);
    let start = |workflow: Workflow| workflow.start(Last).unwrap_err().to_string();
    for (error, says) in [
        (fan().start(long).unwrap_err().to_string(), "2049 bytes"),
        (start(Workflow::new()), "add what is to be executed"),
        (start(fan().task::<Leaf>()), "two have the identifier Leaf v0.0"),
        (start(Workflow::new().task::<Leaf>().runner(VirtualRunner::new().without::<Leaf>())), "there are none"),
        (start(fan().cluster("no slug")), "cluster: \"no slug\" is not"),
        (start(fan().runner(VirtualRunner::new().cluster(""))), "cluster: \"\" is not"),
        (fan().job(Last).name("").start().unwrap_err().to_string(), "job name: is empty"),
    ] {
        assert!(error.contains(says), "{error}");
    }
    let error = fan().job(Last).cluster("gpu").start().unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}
