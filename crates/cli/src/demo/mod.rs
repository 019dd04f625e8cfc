//! `boxwood demo`: a tour. A server, three runners and some jobs, so that there is something to see on every page.

mod jobs;
mod map;
mod runners;
mod say;
mod tasks;

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use boxwood::{Client, Job, JobCache, JobState, LocalFileCache, TaskTree};
use boxwood_server::{Config, Error, Listen, Server};
use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::job::json::JobJson;
use crate::job::watch;
use crate::output::Output;
use jobs::{PATIENCE, SmallJobs, expect};
use map::{Map, MapJson};
use runners::{Role, Runners};
use say::Say;
use tasks::survey::{GPU, MAP, Survey};

/// When it ends, for the help text.
pub(crate) const HOW_LONG: &str = "\
On a terminal the demo goes on until Ctrl-C, so that you can look around in the console. Elsewhere, \
and with --once or --json, it ends when its main job is complete, after some 15 seconds.";

/// Where the server listens if it can: where clients look for one.
const LISTEN: &str = "127.0.0.1:8080";
const LISTEN_ANYWHERE: &str = "127.0.0.1:0";

/// The folder of the cache in the working directory of the runners, where [`LocalFileCache`] has it by default.
const CACHE: &str = "cache";

/// Tasks that are read of the survey at most; it has fewer.
const TASKS_MAX: usize = 1_000;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Runs the demo.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Keep server and runners until Ctrl-C, as on a terminal
    #[arg(long)]
    keep: bool,
    /// End when the survey is complete, as where there is no terminal
    #[arg(long, conflicts_with = "keep")]
    once: bool,
    /// Print the survey, its map and the other jobs as one JSON value instead of text, and end
    #[arg(long, conflicts_with = "keep")]
    json: bool,
    /// Where to listen: host:port [default: 127.0.0.1:8080, or any port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<Listen>,
    /// What the demo calls itself with to start a runner
    #[arg(long, hide = true)]
    runner: Option<Role>,
}

/// What the demo prints for programs: the survey as `job get` does, and more.
#[derive(Serialize)]
struct DemoJson<'a> {
    #[serde(flatten)]
    survey: JobJson<'a>,
    map: MapJson,
    others: Vec<JobJson<'a>>,
}

/// Runs the demo. Nothing remains of it.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    if let Some(role) = args.runner {
        return runners::run(role).await;
    }
    if let Some(Listen::Unix(_)) = args.listen {
        return Err(Failure::Usage(
            "--listen of the demo takes host:port: browsers cannot open socket files".to_owned(),
        ));
    }
    let output = Output::new(args.json);
    let folder = tempfile::Builder::new()
        .prefix("boxwood-demo-")
        .tempdir()
        .map_err(|error| Failure::Other(format!("cannot make a temporary folder: {error}")))?;
    let stop = crate::serve::told_to_stop()?;
    let mut server = start(args.listen.clone(), folder.path()).await.map_err(failed)?;
    let mut runners = prepare(&server, folder.path()).await?;
    let lines: Vec<String> = runners.lines().collect();
    let result = tokio::select! {
        result = tour(&args, output, &mut server, &lines, folder.path()) => result,
        () = stop => Ok(()),
        () = runners.gone(output) => Err(Failure::Other("no runner of the demo is left; start it again".to_owned())),
    };
    runners.end().await;
    server.stop().await.map_err(failed)?;
    result
}

/// Starts the server, at the usual port unless that is taken.
async fn start(listen: Option<Listen>, folder: &Path) -> Result<Server, Error> {
    let config = |listen| Config::new(listen, folder.join("data"));
    if let Some(listen) = listen {
        return Server::start(config(listen)).await;
    }
    match Server::start(config(Listen::Tcp(LISTEN.into()))).await {
        Err(Error::Listen { .. }) => Server::start(config(Listen::Tcp(LISTEN_ANYWHERE.into()))).await,
        started => started,
    }
}

/// Creates the second cluster, and starts the runners of both.
async fn prepare(server: &Server, folder: &Path) -> Result<Runners, Failure> {
    let clusters = Client::builder().url(server.url()).build()?.clusters();
    clusters.create("Graphics cards").slug(GPU).description("Runners with a graphics card").await?;
    Runners::start(&server.url(), folder)
}

/// Shows everything there is to see.
async fn tour(
    args: &DemoArgs,
    output: Output,
    server: &mut Server,
    runners: &[String],
    folder: &Path,
) -> Result<(), Failure> {
    let keep = args.keep || !(args.once || args.json) && is_watched(output);
    let say = Say { output, quiet: args.json, url: server.url() };
    say.hello(keep, runners)?;

    let client = Client::builder().url(server.url()).build()?;
    let small = SmallJobs::run(&client).await?;
    let job = client.jobs().submit("survey of the island", Survey).await?;
    say.survey(&job)?;
    let job = follow(&say, &client, job).await?;
    expect(&job, JobState::Completed)?;

    let tasks = client.jobs().task_tree(&job, TASKS_MAX).await?;
    let map = Map::read(&JobCache::new(LocalFileCache::new(folder.join(CACHE)), job.id).get(MAP).await?)?;
    let others = small.read(&client).await?;
    if args.json {
        return print(output, &job, &tasks, &map, &others);
    }
    say.end(&job, &tasks, &map, SystemTime::now())?;
    say.others(&others)?;
    say.next(keep, &job)?;
    if keep { server.ended().await.map_err(failed) } else { Ok(()) }
}

/// Whether somebody sits in front of it.
fn is_watched(output: Output) -> bool {
    output.out.columns.is_some() && std::io::stdin().is_terminal()
}

/// Shows the survey until it has ended.
async fn follow(say: &Say, client: &Client, job: Job) -> Result<Job, Failure> {
    if say.is_live() {
        return watch::follow(client, job.id, say.output, false).await;
    }
    let (sender, changes) = tokio::sync::watch::channel(job.clone());
    let waiting = client.jobs().wait(&job).timeout(PATIENCE).on_progress(move |job| {
        sender.send_replace(job.clone());
    });
    let mut waiting = std::pin::pin!(waiting.into_future());
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + LINE_EVERY, LINE_EVERY);
    loop {
        tokio::select! {
            end = &mut waiting => return Ok(end?),
            _ = ticks.tick() => {
                let now = changes.borrow().clone();
                say.progress(&now)?;
            }
        }
    }
}

/// Prints everything as one value.
fn print(
    output: Output,
    job: &Job,
    tasks: &TaskTree,
    map: &Map,
    others: &[(Job, &'static str)],
) -> Result<(), Failure> {
    let others = others.iter().map(|(job, _)| JobJson::from(job)).collect();
    output.value(&DemoJson { survey: JobJson::from(job).with_tasks(tasks), map: map.json(), others })
}

fn failed(error: Error) -> Failure {
    Failure::Other(format!("the server of the demo: {error}"))
}
