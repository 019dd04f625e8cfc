//! The `boxwood` command: one binary for the server, the demo, jobs, clusters, backups and the benchmark.
//!
//! Standard output is data, standard error is talk. The exit statuses are listed in the help.

mod agent;
mod bench;
mod cluster;
mod connect;
mod demo;
mod docs;
mod failure;
mod job;
mod manual;
mod output;
mod place;
mod serve;
mod table;
mod text;
mod top;
mod transfer;
mod when;
mod whoami;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use failure::Failure;

/// Boxwood: a self-hosted workflow orchestrator.
#[derive(Parser, Debug)]
#[command(
    name = "boxwood",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = failure::EXIT_STATUSES
)]
struct Cli {
    #[command(flatten)]
    options: connect::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// See it work: a server, three runners, some jobs and the console; nothing remains of it
    #[command(after_help = demo::HOW_LONG)]
    Demo(demo::DemoArgs),
    /// Submit, find, control and watch jobs
    #[command(arg_required_else_help = true, after_help = failure::EXIT_STATUSES)]
    Job(job::JobArgs),
    /// List, create and delete clusters, the named pools of runners
    #[command(arg_required_else_help = true)]
    Cluster(cluster::ClusterArgs),
    /// Show a server at work: clusters, what waits there, runners, and the jobs that have not ended
    Top(top::TopArgs),
    /// Say which server and key are used, and whether it answers
    Whoami(whoami::WhoamiArgs),
    /// Write everything a server holds to a file, also while it runs: a backup, or to move to another database
    Export(transfer::ExportArgs),
    /// Take such a file into an empty data folder or database
    Import(transfer::ImportArgs),
    /// Measure how fast a server moves tasks
    Bench(bench::BenchArgs),
    /// Search the documentation, without a network
    #[command(arg_required_else_help = true)]
    Docs(docs::DocsArgs),
    /// Describe the command line as JSON, for programs that use it
    AgentContext(agent::AgentContextArgs),
    /// Print what completes the command line in a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(manual::ManArgs),
}

/// The command line. Where a command speaks to a server, the options of that can stand before it and after it.
fn command() -> clap::Command {
    let everywhere = |command: clap::Command| {
        connect::OPTIONS.into_iter().fold(command, |command, name| command.mut_arg(name, |option| option.global(true)))
    };
    ["job", "cluster", "top", "whoami"]
        .into_iter()
        .fold(Cli::command(), |cli, name| cli.mut_subcommand(name, everywhere))
}

fn main() -> ExitCode {
    // Also a command line that cannot be read is answered in the form that was asked for.
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    let read = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) if json && error.use_stderr() => return failed(&Failure::Usage(in_short(&error)), json),
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, json),
    }
}

fn failed(failure: &Failure, json: bool) -> ExitCode {
    failure.tell(json);
    ExitCode::from(failure.exit_status())
}

/// What is wrong with a command line, without the usage that follows.
fn in_short(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let alone = match cli.command {
        Command::Serve(_) => Some("serve"),
        Command::Demo(_) => Some("demo"),
        Command::Export(_) => Some("export"),
        Command::Import(_) => Some("import"),
        Command::Bench(_) => Some("bench"),
        Command::Completions(_) => Some("completions"),
        Command::Man(_) => Some("man"),
        Command::Docs(_) => Some("docs"),
        Command::AgentContext(_) => Some("agent-context"),
        Command::Job(_) | Command::Cluster(_) | Command::Top(_) | Command::Whoami(_) => None,
    };
    if let Some(command) = alone.filter(|_| !cli.options.is_empty()) {
        let problem =
            "--url, --api-key, --ca-certificate and --json before the command go with those that speak to a server";
        return Err(Failure::Usage(format!("{problem}; see `boxwood {command} --help`")));
    }
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Job(args) => job::run(args, cli.options).await,
        Command::Cluster(args) => cluster::run(args, cli.options).await,
        Command::Top(args) => top::run(args, cli.options).await,
        Command::Whoami(args) => whoami::run(args, cli.options).await,
        Command::Export(args) => transfer::export(args).await,
        Command::Import(args) => transfer::import(args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Docs(args) => docs::run(args),
        Command::AgentContext(args) => agent::run(&args, command()),
        Command::Completions(args) => manual::completions(&args, command()),
        Command::Man(args) => manual::man(args, command()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
