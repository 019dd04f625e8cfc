//! Answers as digests, from what clients see of them and nothing else.

use boxwood_engine::{Cluster, Indicator, TaskId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::file::Digest;
use crate::read::{JobGraph, JobPage, JobView, QueueStats, TaskPage, TaskView};
use crate::telemetry;

/// What a question was answered with.
pub(super) enum Answer {
    Clusters(Vec<Cluster>),
    Counts(Vec<(u64, u64)>),
    Waiting(Box<QueueStats>),
    Jobs(JobPage),
    Job(Option<Box<JobView>>),
    Tasks(Option<TaskPage>),
    Graph(Option<Box<JobGraph>>),
    Owner(Option<u128>),
    Records(telemetry::Page),
}

impl Answer {
    pub(super) fn digest(&self) -> Digest {
        let mut told = Told::default();
        match self {
            Self::Clusters(clusters) => told.each(clusters, Told::cluster),
            Self::Counts(counts) => told.each(counts, |told, (what, count)| {
                told.number(*what);
                told.number(*count);
            }),
            Self::Waiting(stats) => {
                told.numbers(&[stats.waiting_jobs, stats.running_jobs, stats.queued_tasks]);
                told.maybe(stats.oldest_waiting.as_ref(), Told::job);
            }
            Self::Jobs(page) => {
                told.each(&page.jobs, Told::job);
                told.flag(page.more);
            }
            Self::Job(job) => told.maybe(job.as_deref(), Told::job),
            Self::Tasks(page) => told.maybe(page.as_ref(), |told, page| {
                told.each(&page.tasks, Told::task);
                told.flag(page.more);
            }),
            Self::Graph(graph) => told.maybe(graph.as_deref(), |told, graph| {
                told.job(&graph.job);
                told.each(&graph.tasks, Told::task);
                told.each(&graph.groups, |told, group| {
                    told.number(group.key.0);
                    told.each(&group.dependents, |told, group| told.number(group.0));
                });
            }),
            Self::Owner(job) => told.maybe(job.as_ref(), |told, job| told.id(*job)),
            Self::Records(page) => {
                told.each(&page.records, |told, record| {
                    told.bytes(&record.id.to_bytes());
                    told.bytes(&record.resource);
                    told.bytes(&record.scope);
                    told.bytes(&record.encoded);
                });
                told.flag(page.more);
            }
        }
        told.0.finalize().into()
    }
}

/// What was told so far.
#[derive(Default)]
struct Told(Sha256);

impl Told {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.number(*number);
        }
    }

    fn flag(&mut self, flag: bool) {
        self.0.update([u8::from(flag)]);
    }

    fn id(&mut self, id: u128) {
        self.0.update(id.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.bytes(text.as_bytes());
        }
    }

    fn time(&mut self, time: Timestamp) {
        self.number(time.0.cast_unsigned());
    }

    fn maybe<T>(&mut self, value: Option<&T>, tell: impl FnOnce(&mut Self, &T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            tell(self, value);
        }
    }

    fn each<T>(&mut self, values: &[T], tell: impl Fn(&mut Self, &T)) {
        self.number(values.len() as u64);
        for value in values {
            tell(self, value);
        }
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let Cluster { slug, display_name, description, deletable, created_at } = cluster;
        self.texts(&[slug, display_name, description]);
        self.flag(*deletable);
        self.time(*created_at);
    }

    fn job(&mut self, view: &JobView) {
        let JobView { job, status, progress } = view;
        self.id(job.id.to_u128());
        self.texts(&[&job.name, &job.trace_parent]);
        self.time(job.submitted_at);
        self.maybe(job.automation.as_ref(), |told, automation| told.id(automation.to_u128()));
        self.number(status.state() as u64);
        self.flag(status.canceled);
        self.numbers(&status.counts.to_array());
        for time in [&status.first_started_at, &status.last_stopped_at] {
            self.maybe(time.as_ref(), |told, time| told.time(*time));
        }
        self.number(u64::try_from(status.compute_time.as_micros()).unwrap_or(u64::MAX));
        self.each(progress, |told, (label, Indicator { total, done, tasks })| {
            told.texts(&[label]);
            told.numbers(&[*total, *done, *tasks]);
        });
    }

    fn task(&mut self, task: &TaskView) {
        self.id(task.id.to_u128());
        self.maybe(task.parent.as_ref(), |told, parent: &TaskId| told.id(parent.to_u128()));
        self.number(task.group.0);
        self.number(task.state as u64);
        self.texts(&[&task.display, &task.cluster, &task.identifier.name, task.identifier.version.as_str()]);
        self.bytes(&task.input);
        self.flag(task.optional);
        self.flag(task.has_children);
        self.numbers(&[task.max_retries.into(), task.retry_count.into()]);
        self.time(task.submitted_at);
        for time in [&task.started_at, &task.stopped_at] {
            self.maybe(time.as_ref(), |told, time| told.time(*time));
        }
    }
}
