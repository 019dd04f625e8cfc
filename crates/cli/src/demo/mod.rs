//! `boxwood demo`: a server, a runner and a job in one process, to see what it is like.

mod words;

use std::path::Path;
use std::time::{Duration, SystemTime};

use boxwood::{Cache as _, Client, InMemoryCache, Job, JobState, Runner};
use boxwood_server::{Config, Listen, Server};
use clap::Args;

use crate::Failure;
use crate::job::json::JobJson;
use crate::job::style::{bars, job_style, summary};
use crate::job::tree::tree;
use crate::output::{Output, Style};
use crate::text::counted;
use crate::when::took;
use words::{CountParagraph, CountWords, Merge, RESULT_KEY, Split};

/// Tasks executed at once.
const CONCURRENCY: usize = 4;
/// A demo that takes this long will not end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Keep the server and the runner until Ctrl-C, to try commands on them
    #[arg(long)]
    keep: bool,
    /// Print the job as one JSON value instead of text
    #[arg(long, conflicts_with = "keep")]
    json: bool,
}

/// Runs the demo. Nothing remains of it.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let output = Output::new(args.json);
    let folder = tempfile::Builder::new()
        .prefix("boxwood-demo-")
        .tempdir()
        .map_err(|error| Failure::Other(format!("cannot make a temporary folder: {error}")))?;
    let stop = crate::serve::told_to_stop()?;
    tokio::select! {
        result = show(&args, output, folder.path()) => result,
        () = stop => Ok(()),
    }
}

async fn show(args: &DemoArgs, output: Output, folder: &Path) -> Result<(), Failure> {
    let failed = |error: boxwood_server::Error| Failure::Other(format!("the server of the demo: {error}"));
    let config = Config::new(Listen::Tcp("127.0.0.1:0".into()), folder.join("data"));
    let mut server = Server::start(config).await.map_err(failed)?;
    let say = Say { output, quiet: args.json };
    say.step("a server", &format!("at {}, with its data in a temporary folder", server.url()))?;

    let client = Client::builder().url(server.url()).build()?;
    let cache = InMemoryCache::new();
    let runner = Runner::builder(&client)
        .task::<CountWords>()
        .task::<Split>()
        .task::<CountParagraph>()
        .task::<Merge>()
        .concurrency(CONCURRENCY)
        .cache(cache.clone())
        .signals(false)
        .build()
        .await?;
    let shutdown = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });
    say.step("a runner", &format!("that executes up to {CONCURRENCY} tasks at once"))?;

    let job = client.jobs().submit("count the words of a text", CountWords).await?;
    say.step("a job", &format!("{}, and this is what became of it:", job.id))?;
    let job = client.jobs().wait(&job).timeout(PATIENCE).await?;
    let tasks = client.jobs().task_tree(&job, 1000).await?;
    if args.json {
        output.value(&JobJson::from(&job).with_tasks(&tasks))?;
    } else {
        say.text(&format!("\n{}", tree(output.out, &tasks, true, SystemTime::now())))?;
        say.text(&format!("\n{}\n", bars(output.out, &job.progress).join("\n")))?;
        say.text(&format!("{}: {}\n", output.out.paint(job_style(job.state), job.state.as_str()), times(&job)))?;
    }
    if job.state != JobState::Completed {
        return Err(Failure::NotCompleted(format!("{}; this is a bug of Boxwood", summary(output.err, &job))));
    }
    say.result(&cache, &job).await?;
    say.next(args.keep, &server.url(), &job)?;
    if args.keep {
        server.ended().await.map_err(failed)?;
    }

    shutdown.shutdown();
    running.await.map_err(|error| Failure::Other(format!("the runner of the demo ended: {error}")))??;
    server.stop().await.map_err(failed)
}

fn times(job: &Job) -> String {
    let stats = &job.stats;
    format!("{}, {} from the first start to the last end", counted(stats.total_tasks, "task"), took(stats.elapsed_time))
}

/// What the demo says of itself.
struct Say {
    output: Output,
    quiet: bool,
}

impl Say {
    fn text(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.output.data(text) }
    }

    fn step(&self, what: &str, more: &str) -> Result<(), Failure> {
        let what = format!("{what:<8}");
        self.text(&format!("{}  {more}\n", self.output.out.paint(Style::Bold, &what)))
    }

    async fn result(&self, cache: &InMemoryCache, job: &Job) -> Result<(), Failure> {
        let lost = |problem: String| Failure::Other(format!("the result of the demo: {problem}"));
        let bytes = cache.get(&format!("{}/{RESULT_KEY}", job.id)).await.map_err(|error| lost(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| lost("it is not in the cache".into()))?;
        let result: words::Result = serde_json::from_slice(&bytes).map_err(|error| lost(error.to_string()))?;
        let frequent: Vec<String> = result.frequent.iter().map(|(word, count)| format!("{word} {count}")).collect();
        self.text("\n")?;
        let words = counted(result.words, "word");
        self.step(
            "result",
            &format!("{words}, {} of them different; the most frequent longer ones:", result.different),
        )?;
        self.text(&format!("          {}\n", frequent.join(", ")))
    }

    fn next(&self, keep: bool, url: &str, job: &Job) -> Result<(), Failure> {
        let (program, id, screen) = (program(), job.id, self.output.out);
        let lines = if keep {
            vec![
                screen.paint(Style::Bold, "try in another terminal"),
                format!("  export BOXWOOD_URL={url}"),
                format!("  {program} job get {id}"),
                format!("  {program} job visualize {id} -o job.svg"),
                format!("  {program} job submit --task demo.CountWords --version v1.0 --wait"),
                "Ctrl-C ends the server and the runner".to_owned(),
            ]
        } else {
            let hint = |what: &str, how: &str| format!("{}  {how}", screen.paint(Style::Faint, &format!("{what:<15}")));
            vec![
                hint("keep it running", &format!("{program} demo --keep")),
                hint("start a server", &format!("{program} serve")),
                hint("what else", &format!("{program} --help")),
                hint("write workflows", "README.md; this one is crates/cli/src/demo/words.rs"),
            ]
        };
        self.text(&format!("\n{}\n", lines.join("\n")))
    }
}

/// The program as it was called, so that commands can be copied.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let plain = called.chars().all(|c| c.is_alphanumeric() || "/\\._-".contains(c));
    if called.is_empty() || !plain { "boxwood".to_owned() } else { called }
}
