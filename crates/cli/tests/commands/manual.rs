//! What shells and `man` are told.

use crate::here::{program, run};

#[tokio::test]
async fn completions_for_every_shell_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(program(&["completions", shell])).await.ok();
        for word in ["serve", "visualize", "spans", "whoami", "agent-context", "stalled-timeout", "database-url"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let ran = run(program(&["completions", "csh"])).await;
    assert!(ran.status == 2 && ran.stderr.contains("bash"), "{}", ran.stderr);
}

#[tokio::test]
async fn there_is_a_manual_page_for_each_command() {
    let page = run(program(&["man"])).await.ok();
    assert!(page.contains(".TH boxwood 1") && page.contains("boxwood\\-serve"), "{page}");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("man1");
    let ran = run(program(&["man", "--out", &out.display().to_string()])).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    for page in ["boxwood.1", "boxwood-serve.1", "boxwood-job-visualize.1", "boxwood-top.1"] {
        assert!(out.join(page).is_file(), "{page}");
    }
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    let ran = run(program(&["man", "--out", &file.display().to_string()])).await;
    assert!(ran.status == 1 && ran.stderr.contains("file"), "{}", ran.stderr);
}
