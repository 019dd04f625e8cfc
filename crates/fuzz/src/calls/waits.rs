//! Every task that waits is explained, and no other (IN-10, IN-11).

use boxwood_engine::{JobId, TaskState};
use boxwood_proto::boxwood::v1 as insight;
use boxwood_proto::tilebox::v1::ID;
use boxwood_server::Inside;
use boxwood_store::TaskView;

use super::pages::ask;
use super::{jobs, tasks};

/// Jobs and tasks of each that are asked about.
const JOBS_MAX: usize = 4;
const TASKS_MAX: usize = 16;

pub(super) async fn check(server: &Inside) {
    for job in jobs(server.reader()).into_iter().take(JOBS_MAX) {
        explained(server, job).await;
        for task in tasks(server.reader(), job).iter().take(TASKS_MAX) {
            task_explained(server, task).await;
        }
    }
}

async fn explained(server: &Inside, job: JobId) {
    let view = server.reader().job(job).expect("jobs are read").expect("a job that was listed");
    let request = insight::ExplainJobRequest { job_id: id(job.to_bytes()).into(), ..Default::default() };
    let answer: insight::JobExplanation = ask(server, "boxwood.v1.InsightService/ExplainJob", &request).await;
    assert_eq!(answer.queued_tasks, view.status.counts.of(TaskState::Queued), "{answer:?}");
    let told: u64 = answer.waits.iter().map(|wait| wait.tasks).sum();
    assert_eq!(told + answer.further_tasks, answer.queued_tasks, "{answer:?}");
    assert!(answer.waits.iter().all(|wait| wait.tasks > 0 && !wait.text.is_empty()), "{answer:?}");
}

async fn task_explained(server: &Inside, task: &TaskView) {
    let request = insight::ExplainTaskRequest { task_id: id(task.id.to_bytes()).into(), ..Default::default() };
    let answer: insight::TaskExplanation = ask(server, "boxwood.v1.InsightService/ExplainTask", &request).await;
    assert_eq!(answer.wait.is_set(), task.state == TaskState::Queued, "{task:?}: {answer:?}");
}

fn id(bytes: [u8; 16]) -> ID {
    ID { uuid: bytes.to_vec(), ..Default::default() }
}
