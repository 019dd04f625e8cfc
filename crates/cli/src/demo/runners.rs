//! The runners of the demo: processes of their own, as runners usually are. A visitor may end one and see what happens.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use boxwood::telemetry::Telemetry;
use boxwood::{Client, LocalFileCache, Runner, RunnerBuilder};
use clap::ValueEnum;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::process::{Child, ChildStdin, Command};

use super::tasks::{print, survey, tides};
use crate::Failure;
use crate::output::Output;

/// What is sent to the server of what the demo logs. The runner is a part of the program `boxwood`, whose modules have the
/// names of those of the SDK, which keeps its own diagnostics to itself.
const LEVELS: &str = "info,boxwood::demo=debug";

/// A runner that has not ended for so long after it was told to is killed.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What a runner is there for. All of them could do everything; these show that they need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Most tasks.
    #[value(name = "cpu-1")]
    Cpu1,
    /// The same, and it has a printer.
    #[value(name = "cpu-2")]
    Cpu2,
    /// Only what needs a graphics card.
    #[value(name = "gpu-1")]
    Gpu1,
}

impl Role {
    const ALL: [Self; 3] = [Self::Cpu1, Self::Cpu2, Self::Gpu1];

    fn name(self) -> &'static str {
        match self {
            Self::Cpu1 => "cpu-1",
            Self::Cpu2 => "cpu-2",
            Self::Gpu1 => "gpu-1",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Cpu1 => "4 tasks at once",
            Self::Cpu2 => "4 tasks at once, and it has a printer",
            Self::Gpu1 => "2 tasks at once, on the cluster gpu",
        }
    }
}

/// Runs one until it is told to end. This is a whole runner: other programs have it as their `main`.
pub(super) async fn run(role: Role) -> Result<(), Failure> {
    let client = Client::from_env()?;
    let telemetry = Telemetry::builder(&client).service(role.name()).console(false).export_levels(LEVELS);
    let _telemetry = telemetry.init()?;

    let builder = Runner::builder(&client);
    let builder = match role {
        Role::Cpu1 => surveyor(builder),
        Role::Cpu2 => surveyor(builder.task::<print::Print>().task::<print::Sheet>().task::<print::Bind>()),
        Role::Gpu1 => builder.cluster(survey::GPU).task::<survey::Blend>().task::<survey::Classify>().concurrency(2),
    };
    let runner = builder.cache(LocalFileCache::default()).build().await?;

    let shutdown = runner.shutdown_handle();
    // Standard input is a pipe of the demo. It ends with it, however it ends.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        shutdown.shutdown();
    });
    runner.run_forever().await?;
    Ok(())
}

/// Adds what needs nothing but a processor.
fn surveyor(builder: RunnerBuilder) -> RunnerBuilder {
    builder
        .task::<survey::Survey>()
        .task::<survey::FindPhotos>()
        .task::<survey::Region>()
        .task::<survey::Tile>()
        .task::<survey::Photo>()
        .task::<survey::Names>()
        .task::<survey::AskRegister>()
        .task::<survey::PlaceNames>()
        .task::<survey::Measure>()
        .task::<survey::Draw>()
        .task::<tides::Tides>()
        .task::<tides::Gauge>()
        .task::<tides::HighWater>()
        .concurrency(4)
}

/// The runners while they run.
pub(super) struct Runners(Vec<Running>);

struct Running {
    name: &'static str,
    about: &'static str,
    process: Child,
    /// It ends when this does.
    stdin: Option<ChildStdin>,
}

impl Runners {
    /// Starts them. What their tasks share is in files below `folder`.
    pub(super) fn start(url: &str, folder: &Path) -> Result<Self, Failure> {
        let program =
            std::env::current_exe().map_err(|error| Failure::Other(format!("cannot find this program: {error}")))?;
        let start = |role: Role| {
            let mut command = Command::new(&program);
            command.args(["demo", "--runner", role.name()]).env("BOXWOOD_URL", url).current_dir(folder);
            for name in ["BOXWOOD_API_KEY", "TILEBOX_API_KEY", "BOXWOOD_CA_CERTIFICATE", "TILEBOX_RUNTIME_ID"] {
                command.env_remove(name);
            }
            let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn();
            let failed = |error| Failure::Other(format!("cannot start the runner {}: {error}", role.name()));
            let mut process = started.map_err(failed)?;
            let stdin = process.stdin.take();
            Ok(Running { name: role.name(), about: role.about(), process, stdin })
        };
        Role::ALL.into_iter().map(start).collect::<Result<_, _>>().map(Self)
    }

    /// A line for each: name, process, and what it is there for.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|runner| {
            let process = runner.process.id().map_or_else(String::new, |id| format!("process {id}, "));
            format!("{}: {process}{}", runner.name, runner.about)
        })
    }

    /// Tells of each runner that has ended by itself, or because a visitor ended it. Returns when there is none left.
    pub(super) async fn gone(&mut self, output: Output) {
        let mut waits: FuturesUnordered<_> =
            self.0.iter_mut().map(|runner| async { (runner.name, runner.process.wait().await) }).collect();
        while let Some((name, status)) = waits.next().await {
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            output
                .talk(&format!("the runner {name} is gone ({how}); what it was at goes to others when its leases end"));
        }
    }

    /// Tells them to end, and waits until they have.
    pub(super) async fn end(mut self) {
        for runner in &mut self.0 {
            drop(runner.stdin.take());
        }
        for runner in &mut self.0 {
            // One that does not end by itself is killed when it is dropped; there is nothing to lose in a demo.
            let _ = tokio::time::timeout(END_WITHIN, runner.process.wait()).await;
        }
    }
}
