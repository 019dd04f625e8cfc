//! The workflow of the demo: counts the words of a text, a paragraph at a time.
//!
//! ```text
//! CountWords ─┬─ Split ─┬─ CountParagraph 1
//!             │         ├─ CountParagraph 2
//!             │         └─ …
//!             └─ Merge          waits for Split and everything below it
//! ```

use std::collections::BTreeMap;

use boxwood::{Execute, ExecutionContext, Task};
use serde::{Deserialize, Serialize};

/// What is counted. Blank lines are between paragraphs.
const TEXT: &str = "\
A job is a tree of tasks. It starts with one task at the root, and grows while it runs: every task can submit further \
tasks, and those can submit further tasks again. Nobody has to know the shape of the tree before the job is started.

A task is a name, a version and an input of a few bytes. The code of the task is not on the server. It is in your \
program, in the language that you like, next to the rest of your code and under the same tests.

A runner is a process that executes tasks. It says which tasks it knows, asks the server for one of them, executes it, \
reports what came of it, and asks again. Start one runner on your laptop, or a thousand runners in three clouds.

The server hands out the tasks. It keeps the tree of every job in a database on its disk, and it answers a report only \
when the report is on the disk. A server that is killed and started again goes on where it was.

A task can wait for other tasks. It is started when those are complete together with all tasks below them, so that a \
task that merges results can wait for a task that splits the work, without knowing how often it was split.

A task that fails is tried again, as often as you allow. While a runner executes a task it holds a lease and renews it. \
When a runner vanishes, the lease runs out, and another runner gets the task.

When all tries have failed the job stops, and nothing of it is lost. Repair the code, start the runner again and retry \
the job: the tasks that were complete stay complete, and the job goes on from the task that failed.

Tasks of one job share a cache, report progress, and write logs. All of that can be seen while the job runs: in the \
terminal, in your own program, and in pictures of the tree.
";

/// Most frequent words that are told.
const FREQUENT: usize = 5;
/// Shorter words tell little.
const LETTERS_MIN: usize = 4;
/// The paragraph, counted from one, whose first try fails.
const STUMBLES: usize = 5;

/// Where [`Merge`] puts the [`Result`] in the cache of the job.
pub(super) const RESULT_KEY: &str = "result";

/// What comes out.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Result {
    /// How many words the text has.
    pub(super) words: u64,
    /// How many different ones.
    pub(super) different: usize,
    /// The most frequent of the longer words, with how often they occur.
    pub(super) frequent: Vec<(String, u64)>,
}

/// How often each word occurs.
type Counts = BTreeMap<String, u64>;

fn paragraphs() -> impl Iterator<Item = &'static str> {
    TEXT.split("\n\n")
}

fn count(text: &str) -> Counts {
    let mut counts = Counts::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

/// The root: submits the two steps.
#[derive(Task)]
#[task(name = "demo.CountWords", version = "v1.0", display = "count words")]
pub(super) struct CountWords;

/// Submits a task for each paragraph.
#[derive(Task)]
#[task(name = "demo.Split", version = "v1.0", display = "split")]
pub(super) struct Split;

/// Counts one paragraph.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.CountParagraph", version = "v1.0", display = "paragraph {number}")]
pub(super) struct CountParagraph {
    /// Counted from one.
    number: usize,
}

/// Adds up the counts of all paragraphs.
#[derive(Task)]
#[task(name = "demo.Merge", version = "v1.0", display = "merge")]
pub(super) struct Merge;

impl Execute for CountWords {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let split = context.submit_subtask(Split);
        context.submit_subtask(Merge).depends_on(split);
        Ok(())
    }
}

impl Execute for Split {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let count = paragraphs().count();
        context.progress("paragraphs").add(count as u64);
        context.submit_subtasks((1..=count).map(|number| CountParagraph { number })).max_retries(2);
        Ok(())
    }
}

impl Execute for CountParagraph {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if self.number == STUMBLES && context.retry_count() == 0 {
            return Err("this paragraph fails at the first try, so that you see a retry".into());
        }
        let text = self.number.checked_sub(1).and_then(|index| paragraphs().nth(index));
        let counts = count(text.ok_or("there is no such paragraph")?);
        // A task may be executed more than once; writing the same again does no harm.
        let key = format!("{:04}", self.number);
        context.job_cache().group("counts").set(&key, serde_json::to_vec(&counts)?).await?;
        context.progress("paragraphs").done(1);
        context.set_display(format!("paragraph {}: {} words", self.number, counts.values().sum::<u64>()));
        Ok(())
    }
}

impl Execute for Merge {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let mut total = Counts::new();
        for (_, counts) in context.job_cache().group("counts").items().await? {
            for (word, count) in serde_json::from_slice::<Counts>(&counts)? {
                *total.entry(word).or_default() += count;
            }
        }
        let result = result(&total);
        context.job_cache().set(RESULT_KEY, serde_json::to_vec(&result)?).await?;
        context.set_display(format!("merge: {} words", result.words));
        Ok(())
    }
}

fn result(counts: &Counts) -> Result {
    let long = counts.iter().filter(|(word, _)| word.chars().count() >= LETTERS_MIN);
    let mut frequent: Vec<(String, u64)> = long.map(|(word, count)| (word.clone(), *count)).collect();
    // Equally frequent words stay in the order of the alphabet.
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    frequent.truncate(FREQUENT);
    Result { words: counts.values().sum(), different: counts.len(), frequent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_without_regard_to_case_and_marks() {
        let counts = count("Tasks, tasks: a task's task.");
        let expected = [("a", 1), ("s", 1), ("task", 2), ("tasks", 2)];
        assert_eq!(counts, expected.map(|(word, count)| (word.to_owned(), count)).into());
        let result = result(&counts);
        assert_eq!((result.words, result.different), (6, 4));
        assert_eq!(result.frequent, [("task".to_owned(), 2), ("tasks".to_owned(), 2)]);
    }

    #[test]
    fn the_paragraph_that_stumbles_exists() {
        assert_eq!(paragraphs().count(), 8);
        assert!((1..=8).contains(&STUMBLES));
        assert!(paragraphs().all(|paragraph| !paragraph.trim().is_empty()));
    }
}
