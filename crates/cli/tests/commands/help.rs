//! Is the help what we meant? Its text is kept in `expected/`; `BOXWOOD_GOLDEN=write` writes it anew, and the diff of the
//! commit shows the change.

use std::path::Path;

use crate::here::{program, run};

/// The help at a width of its own, whatever the terminal of the test.
async fn help(arguments: &[&str]) -> String {
    let mut command = program(arguments);
    command.env("COLUMNS", "100");
    run(command).await.ok()
}

#[tokio::test]
async fn help_texts_are_as_expected() {
    let write = std::env::var_os("BOXWOOD_GOLDEN").is_some_and(|value| value == "write");
    let mut changed = Vec::new();
    for words in [
        "",
        "agent-context",
        "demo",
        "docs",
        "docs search",
        "top",
        "whoami",
        "serve",
        "export",
        "import",
        "bench",
        "completions",
        "man",
        "job",
        "job submit",
        "job list",
        "job get",
        "job tree",
        "job watch",
        "job wait",
        "job retry",
        "job cancel",
        "job logs",
        "job spans",
        "job visualize",
        "cluster",
        "cluster list",
        "cluster create",
        "cluster get",
        "cluster delete",
    ] {
        let arguments: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        let text = help(&arguments).await;
        let name = format!("{}.txt", format!("boxwood {words}").trim().replace(' ', "-"));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/expected").join(&name);
        if write {
            std::fs::write(&file, &text).unwrap();
        } else if std::fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            changed.push(format!("{name} is now:\n{text}"));
        }
    }
    assert!(changed.is_empty(), "{}\nBOXWOOD_GOLDEN=write accepts this", changed.join("\n"));
}

#[tokio::test]
async fn without_a_command_the_help_is_shown_and_the_status_is_2() {
    for arguments in [&[][..], &["job"], &["cluster"]] {
        let ran = run(program(arguments)).await;
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.stderr.contains("Usage:") && ran.stdout.is_empty(), "{arguments:?}: {}", ran.stderr);
    }
}
