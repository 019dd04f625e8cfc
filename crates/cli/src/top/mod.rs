//! `boxwood top`: a server at work.

mod look;
mod screen;
mod text;

use std::time::{Duration, SystemTime};

use clap::Args;
use tokio::time::Instant;

use crate::Failure;
use crate::connect::Options;
use crate::output::{Output, Style};
use crate::text::fit;
use crate::when::parse_duration;
use look::{Looker, Snapshot};
use screen::{Alternate, Resized};

/// The shortest time between two looks.
const INTERVAL_MIN: Duration = Duration::from_millis(200);

/// A look that takes long is taken rarely: the server is busy with looks for at most one part of this many.
const SHARE: u32 = 20;

/// Shows a server at work.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    options: Options,
    /// How often to look; more seldom if the answers take long
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    interval: Duration,
    /// Look once, and print what there is to see
    #[arg(long)]
    once: bool,
    /// How many jobs to show at most, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    jobs: u16,
}

/// Looks until the user has seen enough; `others` are options given before the word `top`.
pub(crate) async fn run(args: TopArgs, others: Options) -> Result<(), Failure> {
    let options = args.options.or(others);
    let (output, client) = (options.output(), options.client()?);
    let interval = args.interval.max(INTERVAL_MIN);
    let mut looker = Looker::new(client, args.jobs.into());
    if output.json {
        return values(&mut looker, output, interval, args.once).await;
    }
    if args.once || output.out.columns.is_none() {
        let snapshot = looker.look().await?;
        let lines = text::lines(output.out, &snapshot, None, SystemTime::now());
        return output.data(&(lines.join("\n") + "\n"));
    }
    watch(&mut looker, output, interval).await
}

/// A JSON value for each look.
async fn values(looker: &mut Looker, output: Output, interval: Duration, once: bool) -> Result<(), Failure> {
    loop {
        let start = Instant::now();
        output.value(&looker.look().await?)?;
        if once {
            return Ok(());
        }
        tokio::time::sleep(pause(interval, start)).await;
    }
}

/// How long to wait after a look that began at `start`.
fn pause(interval: Duration, start: Instant) -> Duration {
    interval.max(start.elapsed() * SHARE)
}

/// One picture on the terminal that changes.
async fn watch(looker: &mut Looker, output: Output, interval: Duration) -> Result<(), Failure> {
    // A wrong address is told on the screen that stays.
    let mut seen = looker.look().await?;
    let (mut problem, mut wait) = (None, interval);
    let mut screen = Alternate::enter(output)?;
    let mut resized = Resized::listen();
    let mut told = std::pin::pin!(told_to_end());
    loop {
        draw(&screen, &seen, problem.as_ref())?;
        let (start, pause) = (Instant::now(), wait);
        let mut next = std::pin::pin!(async {
            tokio::time::sleep(pause).await;
            looker.look().await
        });
        let looked = loop {
            tokio::select! {
                looked = &mut next => break looked,
                () = resized.changed() => draw(&screen, &seen, problem.as_ref())?,
                () = screen.left() => return Ok(()),
                () = &mut told => return Ok(()),
            }
        };
        match looked {
            Ok(snapshot) => (seen, problem) = (snapshot, None),
            Err(Failure::Unreachable(message)) => problem = Some(message),
            Err(error) => return Err(error),
        }
        // A server that is away answers late and is not busy.
        let took = start.elapsed().saturating_sub(pause);
        wait = if problem.is_some() { interval } else { interval.max(took * SHARE) };
    }
}

/// Ready when the process is asked to end; the terminal is given back first.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        if let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    // Without a signal to listen to, the process is ended by other means.
    let _ = tokio::signal::ctrl_c().await;
}

/// Draws with the size that the terminal has now.
fn draw(screen: &Alternate, seen: &Snapshot, problem: Option<&String>) -> Result<(), Failure> {
    let output = Output::new(false);
    let rows = output.out.rows.unwrap_or(24);
    let mut lines = text::lines(output.out, seen, Some(rows.saturating_sub(1)), SystemTime::now());
    lines.truncate(rows.saturating_sub(1));
    lines.resize(rows.saturating_sub(1), String::new());
    let foot = match problem {
        Some(problem) => (Style::Bad, problem.as_str()),
        None => (Style::Faint, "q ends"),
    };
    let text = fit(foot.1, output.out.columns.unwrap_or(80));
    lines.push(output.out.paint(foot.0, &text));
    screen.show(output, &lines)
}
