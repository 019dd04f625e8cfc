//! `boxwood job logs --follow`.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use boxwood::{Client, QueryLogs};
use tokio::time::Instant;

use super::record::Record;
use super::{LogsArgs, PAGE_MAX};
use crate::Failure;
use crate::output::Output;

/// How often new records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long after the end of a job records of it may still arrive: SDKs send once a second, and the server has 2 s (O-39).
const LATE: Duration = Duration::from_secs(3);

/// Prints the latest records, and then those that arrive, until the job has ended.
pub(super) async fn run(args: &LogsArgs, client: &Client, query: QueryLogs, output: Output) -> Result<(), Failure> {
    let query = query.newest_first();
    let mut seen = Seen::default();
    let mut latest = args.limit as usize;
    let mut ended: Option<Instant> = None;
    loop {
        let over = ended.is_some_and(|ended| ended.elapsed() >= LATE);
        let new = seen.arrived(&query, latest).await?;
        let first = new.len().saturating_sub(std::mem::replace(&mut latest, usize::MAX));
        for mut record in new.into_iter().skip(first) {
            if !args.include_runner_attributes {
                record.runner_attributes = None;
            }
            if output.json {
                output.value(&record)?;
            } else {
                output.data(&record.text(output.out, args.task.is_none()))?;
            }
        }
        if over {
            return Ok(());
        }
        if ended.is_none() && client.jobs().find(args.id).await?.state.is_final() {
            ended = Some(Instant::now());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Records that were printed. They have no ids, and of several runners an older one may arrive later: what is told apart is
/// everything a record says, and how often it was said.
#[derive(Default)]
struct Seen {
    records: HashMap<u64, usize>,
}

impl Seen {
    /// Records that are new, the oldest first. Looks back until it meets known ones, or has `enough`.
    async fn arrived(&mut self, query: &QueryLogs, enough: usize) -> Result<Vec<Record>, Failure> {
        let mut pages = query.clone().pages().page_size(PAGE_MAX);
        let mut counts: HashMap<u64, usize> = HashMap::new();
        let mut new = Vec::new();
        loop {
            let mut met = false;
            for record in pages.page().await?.into_iter().map(Record::from) {
                let print = print_of(&record);
                let count = counts.entry(print).or_default();
                *count += 1;
                let known = self.records.entry(print).or_default();
                if *count > *known {
                    *known = *count;
                    new.push(record);
                } else {
                    met = true;
                }
            }
            if met || new.len() >= enough || pages.cursor().is_none() {
                new.reverse();
                return Ok(new);
            }
        }
    }
}

fn print_of(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{record:?}").hash(&mut hasher);
    hasher.finish()
}
