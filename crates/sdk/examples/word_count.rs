//! Word count: a task for each file, and one that merges what they counted.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example word_count              # the sources of this SDK
//! cargo run --example word_count -- FOLDER    # the text files in and below any folder
//! ```
//!
//! It prints the ten words that occur most often. The files are counted four at a time. What was counted in a file goes into
//! the cache of the job, here in local files, so that runners on several machines that see the same folder can share the
//! work; look into `cache/` afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use boxwood::{Client, Execute, ExecutionContext, LocalFileCache, Result, Runner, Task};
use serde::{Deserialize, Serialize};

type Counts = BTreeMap<String, u64>;

#[derive(Task, Serialize, Deserialize)]
struct WordCount {
    folder: PathBuf,
}

#[derive(Task, Serialize, Deserialize)]
struct CountFile {
    file: PathBuf,
}

#[derive(Task)]
struct Merge;

impl Execute for WordCount {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut files = Vec::new();
        find(&self.folder, &mut files)?;
        files.sort();

        context.progress("files").add(files.len() as u64);
        let counts = context.submit_subtasks(files.into_iter().map(|file| CountFile { file }));
        context.submit_subtask(Merge).depends_on(counts);
        Ok(())
    }
}

impl Execute for CountFile {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let text = fs::read_to_string(&self.file)?;
        let mut counts = Counts::new();
        for word in text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()) {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
        // The id of the task is a key that nothing else uses, and the same whenever the task is executed again.
        let key = context.task_id().to_string();
        context.job_cache().group("counts").set(&key, serde_json::to_vec(&counts)?).await?;

        context.set_display(format!("{}: {} words", self.file.display(), counts.values().sum::<u64>()));
        context.progress("files").done(1);
        Ok(())
    }
}

impl Execute for Merge {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut total = Counts::new();
        for (_, counts) in context.job_cache().group("counts").items().await? {
            for (word, count) in serde_json::from_slice::<Counts>(&counts)? {
                *total.entry(word).or_default() += count;
            }
        }

        let mut most: Vec<(String, u64)> = total.into_iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        most.truncate(10);
        for (word, count) in most {
            println!("{count:>8} {word}");
        }
        Ok(())
    }
}

/// Collects the text files in `folder` and below it.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| ["md", "rs", "txt"].iter().any(|text| extension == *text)) {
            files.push(path);
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
    };
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("word-count", WordCount { folder }).await?;

    let runner = Runner::builder(&client)
        .task::<WordCount>()
        .task::<CountFile>()
        .task::<Merge>()
        .concurrency(4)
        .cache(LocalFileCache::new("cache"))
        .build()
        .await?;
    runner.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {}, with {} tasks", job.name, job.state, job.stats.total_tasks);
    Ok(())
}
