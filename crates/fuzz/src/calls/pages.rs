//! Lists read page by page: each cursor the server gives out leads on, and every entry comes once.

use boxwood_proto::buffa::Message;
use boxwood_proto::tilebox::v1::Pagination;
use boxwood_proto::workflows::v1 as wire;
use boxwood_server::Inside;

use super::{jobs, request};

/// Jobs whose tasks are listed.
const JOBS_MAX: usize = 4;

pub(super) async fn check(server: &Inside) {
    let stored: Vec<_> = jobs(server.reader()).into_iter().map(|job| job.to_bytes().to_vec()).collect();
    let mut listed = Vec::new();
    let mut page = Some(Pagination { limit: Some(1), ..Default::default() });
    while let Some(asked) = page {
        let request = wire::QueryJobsRequest { page: asked.into(), ..Default::default() };
        let answer: wire::QueryJobsResponse = ask(server, "workflows.v1.JobService/QueryJobs", &request).await;
        listed.extend(answer.jobs.iter().map(|job| job.id.uuid.clone()));
        assert!(listed.len() <= stored.len(), "more jobs are listed than there are");
        page = next(answer.next_page.into_option());
    }
    assert_eq!(listed, stored, "every job is listed once, the newest first");
    for job in stored.into_iter().take(JOBS_MAX) {
        tasks(server, job).await;
    }
}

async fn tasks(server: &Inside, job: Vec<u8>) {
    let id = boxwood_proto::tilebox::v1::ID { uuid: job, ..Default::default() };
    let list = async |page: Pagination| -> wire::JobTaskPage {
        let request = wire::ListJobTasksRequest { job_id: id.clone().into(), page: page.into(), ..Default::default() };
        let answer: wire::ListJobTasksResponse = ask(server, "workflows.v1.JobService/ListJobTasks", &request).await;
        answer.page.into_option().expect("a page")
    };
    let of = |page: &wire::JobTaskPage| page.tasks.iter().map(|task| task.id.uuid.clone()).collect::<Vec<_>>();
    let whole = of(&list(Pagination { limit: Some(100), ..Default::default() }).await);
    let mut listed = Vec::new();
    let mut page = Some(Pagination { limit: Some(7), ..Default::default() });
    while let Some(asked) = page.filter(|_| listed.len() < whole.len()) {
        let answer = list(asked).await;
        listed.extend(of(&answer));
        page = next(answer.next_page.into_option());
    }
    listed.truncate(whole.len());
    assert_eq!(listed, whole, "every task is listed once");
}

/// The next page, unless this was the last one.
fn next(page: Option<Pagination>) -> Option<Pagination> {
    page.filter(|page| page.starting_after.is_set())
}

pub(super) async fn ask<A: Message>(server: &Inside, method: &str, request: &impl Message) -> A {
    let request = request::post(&format!("/{method}"), "application/proto", &[], request.encode_to_vec());
    let (answer, _) = server.answer(request).await.expect("a whole answer");
    assert!(answer.status().is_success(), "{method}: {answer:?}");
    A::decode_from_slice(answer.body()).expect("a message")
}
