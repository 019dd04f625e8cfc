//! `boxwood completions` and `boxwood man`: what shells and `man` want to know of the command line.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::Failure;
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder; without it the page of boxwood goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints what completes the command line in a shell.
pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "boxwood", &mut script);
    Output::new(false).data(&String::from_utf8_lossy(&script))
}

/// Writes manual pages.
pub(crate) fn man(args: ManArgs, command: clap::Command) -> Result<(), Failure> {
    let Some(dir) = args.out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(|error| Failure::Other(format!("cannot write the page: {error}")))?;
        return Output::new(false).data(&String::from_utf8_lossy(&page));
    };
    let failed = |error| Failure::Other(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(&dir).map_err(failed)?;
    clap_mangen::generate_to(command, &dir).map_err(failed)
}
