//! `JobService`: what users call.

use std::ops::Bound;
use std::sync::Arc;

use boxwood_diagram::Graph;
use boxwood_diagram::fold::fold;
use boxwood_engine::{AutomationId, Command, JobId, NewJob, Reply, TaskId, Timestamp};
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::workflows::v1 as wire;
use boxwood_store::{Error, JobView, Reader, TaskPage, TaskQuery};
use sha2::{Digest as _, Sha256};

use super::task::unexpected;
use crate::door::Door;
use crate::validate::{self, Invalid, Page};
use crate::{clock, convert, ids};

/// Tasks listed in a job at most, for older clients; `ListJobTasks` is complete.
const LISTED_TASKS_MAX: usize = 1000;
/// The header that asks for a folded drawing with the value `true` (V-20). A field could meet one of a later API.
const FOLD: &str = "boxwood-fold";
/// Tasks of the largest job that is folded (V-20). Reading them takes longest: up to some microseconds each.
const FOLDED_TASKS_MAX: u64 = 2_000_000;

/// Root tasks of a clone at most (LM-17).
const CLONE_ROOTS_MAX: usize = 64;

/// Children fetched ahead in one call at most, over all pages; the pages say how to go on.
const PREFETCHED_CHILDREN_MAX: usize = 10_000;

/// The metadata in which gRPC says how often the same call was sent before.
const ATTEMPTS_HEADER: &str = "grpc-previous-rpc-attempts";

pub(super) struct Jobs(pub(super) Arc<Door>);

impl wire::JobService for Jobs {
    async fn submit_job(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::SubmitJobRequest>,
    ) -> ServiceResult<wire::Job> {
        validate::chars("job_name", request.job_name, 1..=usize::MAX)?;
        validate::trace_parent("trace_parent", request.trace_parent)?;
        let automation = validate::optional_id("automation_id", &request.automation_id, AutomationId::from_bytes)?;
        let grouped = request.tasks.as_option().filter(|tasks| !tasks.task_groups.is_empty());
        let tasks = match grouped {
            Some(tasks) => convert::submission(tasks),
            None if !request.legacy_tasks.is_empty() => convert::singles("legacy_tasks", &request.legacy_tasks),
            None => return Err(Invalid("tasks: a job needs at least one task".into()).into()),
        };
        let tasks = tasks.map_err(convert::Refused::into_invalid)?;
        let attempts = context.header(ATTEMPTS_HEADER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let now = clock::now().whole_milliseconds();
        let job = NewJob {
            id: ids::job(now),
            first_task: ids::first_task(now),
            name: request.job_name.into(),
            trace_parent: request.trace_parent.into(),
            automation,
            tasks,
            // A client that sends a call again sends the same bytes: name, trace parent and tasks.
            fingerprint: fingerprint(request.bytes()),
            repeated: attempts.is_some_and(|attempts| attempts > 0),
            now,
        };
        self.submit(job).await
    }

    async fn get_job(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetJobRequest>,
    ) -> ServiceResult<wire::Job> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        self.listed_job(id).await
    }

    async fn get_job_progress(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetJobProgressRequest>,
    ) -> ServiceResult<wire::Job> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let job = self.job(id).await?;
        Response::ok(convert::job_in_progress(&job))
    }

    async fn list_job_tasks(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListJobTasksRequest>,
    ) -> ServiceResult<wire::ListJobTasksResponse> {
        let job = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let parent = validate::optional_id("parent_task_id", &request.parent_task_id, TaskId::from_bytes)?;
        let page = Page::read(&request.page, TaskId::from_bytes)?;
        let children = match request.prefetch_children.as_option() {
            None => 0,
            Some(prefetch) => usize::try_from(prefetch.limit).map_err(|_| {
                Invalid(format!("prefetch_children.limit: is {}, 0 or more are allowed", prefetch.limit))
            })?,
        };
        let query = TaskQuery { job, parent, after: page.after, limit: page.limit };
        let listed = self.0.read(move |reader| {
            let Some(listed) = reader.tasks(&query)? else { return Ok(None) };
            let parents: Vec<TaskId> =
                listed.tasks.iter().filter(|task| task.has_children).map(|task| task.id).collect();
            let limit = children.min(PREFETCHED_CHILDREN_MAX / parents.len().max(1));
            let mut pages = Vec::new();
            if limit > 0 {
                for parent in parents {
                    let query = TaskQuery { job, parent: Some(parent), after: None, limit };
                    pages.push((parent, limit, reader.tasks(&query)?.unwrap_or_default()));
                }
            }
            Ok(Some((listed, pages)))
        });
        let Some((listed, prefetched)) = listed.await? else {
            return Err(match parent {
                None => unknown_job(job),
                Some(parent) => ConnectError::not_found(format!("parent_task_id: job {job} has no task {parent}")),
            });
        };
        Response::ok(wire::ListJobTasksResponse {
            page: task_page(parent, page.limit, listed).into(),
            prefetched_child_pages: prefetched
                .into_iter()
                .map(|(parent, limit, page)| task_page(Some(parent), limit, page))
                .collect(),
            ..Default::default()
        })
    }

    async fn retry_job(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::RetryJobRequest>,
    ) -> ServiceResult<wire::RetryJobResponse> {
        let job = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        match self.0.command(Command::RetryJob { job }).await? {
            Reply::Retried(count) => Response::ok(wire::RetryJobResponse {
                num_tasks_rescheduled: i64::try_from(count).unwrap_or(i64::MAX),
                ..Default::default()
            }),
            other => Err(unexpected(&other)),
        }
    }

    async fn cancel_job(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CancelJobRequest>,
    ) -> ServiceResult<wire::CancelJobResponse> {
        let job = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        self.0.command(Command::CancelJob { job }).await?;
        Response::ok(wire::CancelJobResponse::default())
    }

    async fn visualize_job(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::VisualizeJobRequest>,
    ) -> ServiceResult<wire::Diagram> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let options = convert::options(&request)?;
        let drawn_max = self.0.visualized_tasks_max;
        let is_folded = context.header(FOLD).is_some_and(|value| value == "true");
        let svg = self.0.read(move |reader| {
            let graph = if is_folded { folded(reader, id, drawn_max)? } else { whole(reader, id, drawn_max)? };
            Ok(graph.map(|graph| boxwood_diagram::render(&graph, &options)))
        });
        Response::ok(wire::Diagram { svg: svg.await??.into_bytes(), ..Default::default() })
    }

    async fn query_jobs(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::QueryJobsRequest>,
    ) -> ServiceResult<wire::QueryJobsResponse> {
        let Some(query) = convert::job_query(&request)? else {
            return Response::ok(wire::QueryJobsResponse::default());
        };
        let limit = query.limit;
        let page = self.0.read(move |reader| reader.jobs(&query)).await?;
        let last = page.jobs.last().filter(|_| page.more);
        Response::ok(wire::QueryJobsResponse {
            next_page: last.map(|last| validate::next_page(limit, last.job.id.to_bytes())).into(),
            jobs: page.jobs.iter().map(convert::job).collect(),
            ..Default::default()
        })
    }

    async fn get_job_prototype(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetJobPrototypeRequest>,
    ) -> ServiceResult<wire::GetJobPrototypeResponse> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let graph = self.0.read(move |reader| reader.graph(id, LISTED_TASKS_MAX)).await?;
        let graph = graph.ok_or_else(|| unknown_job(id))?;
        Response::ok(convert::jobs_prototype(&graph))
    }

    async fn clone_job(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CloneJobRequest>,
    ) -> ServiceResult<wire::Job> {
        let original = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        validate::chars("job_name", request.job_name, 1..=usize::MAX)?;
        let roots = request.root_tasks_overrides.len();
        if roots == 0 || roots > CLONE_ROOTS_MAX {
            return Err(Invalid(format!(
                "root_tasks_overrides: has {roots} tasks, 1 to {CLONE_ROOTS_MAX} are allowed"
            ))
            .into());
        }
        let tasks = convert::singles("root_tasks_overrides", &request.root_tasks_overrides);
        let tasks = tasks.map_err(convert::Refused::into_invalid)?;
        self.job(original).await?;
        let now = clock::now().whole_milliseconds();
        let trace_parent = ids::trace_parent();
        let job = NewJob {
            id: ids::job(now),
            first_task: ids::first_task(now),
            name: request.job_name.into(),
            // Every clone has a trace parent of its own, so no clone repeats another.
            fingerprint: fingerprint(trace_parent.as_bytes()),
            trace_parent,
            automation: None,
            tasks,
            repeated: false,
            now,
        };
        self.submit(job).await
    }

    async fn get_job_state_counts(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetJobStateCountsRequest>,
    ) -> ServiceResult<wire::GetJobStateCountsResponse> {
        let submitted = validate::time_interval("time_interval", &request.time_interval)?;
        if validate::is_empty(&submitted) {
            return Response::ok(wire::GetJobStateCountsResponse::default());
        }
        let mut counts = self.0.read(move |reader| reader.job_state_counts(submitted)).await?;
        counts.retain(|(_, count)| *count > 0);
        counts.sort_by_key(|(state, _)| *state);
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        Response::ok(wire::GetJobStateCountsResponse {
            state_counts: counts.into_iter().map(|(state, count)| convert::state_count(state, count)).collect(),
            total_jobs: i64::try_from(total).unwrap_or(i64::MAX),
            ..Default::default()
        })
    }

    async fn get_task_queue_stats(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetTaskQueueStatsRequest>,
    ) -> ServiceResult<wire::GetTaskQueueStatsResponse> {
        let mut submitted = validate::time_interval("job_time_interval", &request.job_time_interval)?;
        if let Some(age) = request.job_max_age.as_option() {
            let age = convert::age("job_max_age", age)?;
            let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            submitted.0 = later(submitted.0, Timestamp(clock::now().0.saturating_sub(age)));
        }
        if validate::is_empty(&submitted) {
            return Response::ok(wire::GetTaskQueueStatsResponse::default());
        }
        let stats = self.0.read(move |reader| reader.queue_stats(submitted)).await?;
        Response::ok(wire::GetTaskQueueStatsResponse {
            waiting_jobs: stats.waiting_jobs,
            running_jobs: stats.running_jobs,
            queued_tasks: stats.queued_tasks,
            oldest_waiting_job: stats.oldest_waiting.as_ref().map(convert::job).into(),
            ..Default::default()
        })
    }
}

impl Jobs {
    async fn submit(&self, new: NewJob) -> ServiceResult<wire::Job> {
        let id = new.id;
        let roots = convert::NewRoots::of(&new.tasks, new.first_task, LISTED_TASKS_MAX);
        match self.0.command(Command::SubmitJob(new)).await? {
            Reply::Job(job, status) if job.id == id => Response::ok(convert::submitted_job(&job, &status, roots)),
            // The call was a repetition: this is the job of the first one.
            Reply::Job(job, _) => self.listed_job(job.id).await,
            other => Err(unexpected(&other)),
        }
    }

    async fn job(&self, id: JobId) -> Result<JobView, ConnectError> {
        self.0.read(move |reader| reader.job(id)).await?.ok_or_else(|| unknown_job(id))
    }

    /// A job with its first tasks, as older clients read them.
    async fn listed_job(&self, id: JobId) -> ServiceResult<wire::Job> {
        let graph = self.0.read(move |reader| reader.graph(id, LISTED_TASKS_MAX)).await?;
        let graph = graph.ok_or_else(|| unknown_job(id))?;
        let job = convert::job(&graph.job);
        Response::ok(wire::Job { task_summaries: convert::legacy_summaries(graph.tasks), ..job })
    }
}

/// All tasks of a job as a graph, each a box of its own.
fn whole(reader: &dyn Reader, id: JobId, boxes_max: usize) -> Result<Result<Graph, ConnectError>, Error> {
    let Some(graph) = reader.graph(id, boxes_max)? else { return Ok(Err(unknown_job(id))) };
    let tasks = graph.job.status.counts.total();
    if tasks > boxes_max as u64 {
        return Ok(Err(Invalid(format!(
            "job_id: the job has {tasks} tasks, jobs of up to {boxes_max} can be drawn; \
             fold it (header {FOLD}: true) or list its tasks instead"
        ))
        .into()));
    }
    Ok(Ok(convert::graph(graph)))
}

/// The tasks of a job as a graph of stacks (V-20).
fn folded(reader: &dyn Reader, id: JobId, boxes_max: usize) -> Result<Result<Graph, ConnectError>, Error> {
    let tasks_max = FOLDED_TASKS_MAX.max(boxes_max as u64);
    let Some(outline) = reader.outline(id, tasks_max)? else { return Ok(Err(unknown_job(id))) };
    let tasks = outline.job.status.counts.total();
    if tasks > tasks_max {
        return Ok(Err(Invalid(format!(
            "job_id: the job has {tasks} tasks, jobs of up to {tasks_max} can be drawn folded; \
             list its tasks instead"
        ))
        .into()));
    }
    let graph = fold(&convert::to_fold(outline), boxes_max);
    let boxes = graph.nodes.len();
    if boxes > boxes_max {
        return Ok(Err(Invalid(format!(
            "job_id: the {tasks} tasks of the job do {boxes} different things, up to {boxes_max} boxes can be drawn; \
             list its tasks instead"
        ))
        .into()));
    }
    Ok(Ok(graph))
}

fn unknown_job(id: JobId) -> ConnectError {
    ConnectError::not_found(format!("job_id: there is no job {id}"))
}

fn task_page(parent: Option<TaskId>, limit: usize, page: TaskPage) -> wire::JobTaskPage {
    let last = page.tasks.last().filter(|_| page.more).map(|last| last.id.to_bytes());
    wire::JobTaskPage {
        parent_task_id: parent.map(|parent| convert::id(parent.to_bytes())).into(),
        next_page: last.map(|last| validate::next_page(limit, last)).into(),
        tasks: page.tasks.into_iter().map(convert::summary).collect(),
        ..Default::default()
    }
}

/// A digest by which a repetition of a call is recognised.
fn fingerprint(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    u128::from_be_bytes(digest[..16].try_into().expect("a digest of 32 bytes"))
}

/// The later of a start and `time`, which is included.
fn later(start: Bound<Timestamp>, time: Timestamp) -> Bound<Timestamp> {
    match start {
        Bound::Included(start) if start > time => Bound::Included(start),
        Bound::Excluded(start) if start >= time => Bound::Excluded(start),
        _ => Bound::Included(time),
    }
}
