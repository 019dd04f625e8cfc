//! Names, displays, labels and errors are written by anybody. Nothing of them may reach the terminal as a command.

use boxwood::RawTask;

use crate::here::{Fail, Here, Leaf, here};

/// Sets the title, clears the screen (in 7 and in 8 bits), turns the writing direction, goes back in the line.
const HOSTILE: &str = "a\x1b]0;owned\x07b\x1b[2Jc\u{9b}2Jd\u{202e}e\rf\u{8}\u{7f}g";

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    let bad = |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
    assert!(!text.chars().any(|c| bad(&c)), "{what}: {text:?}");
}

async fn assert_command_is_harmless(here: &Here, arguments: &[&str], shows: bool) {
    let ran = here.boxwood(arguments).await;
    assert_harmless(&format!("{arguments:?}"), &ran.stdout);
    assert_harmless(&format!("{arguments:?}"), &ran.stderr);
    if shows {
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("c\\x9b2Jd\\u{202e}e") || said.contains("c\\u009b2Jd\\u202ee"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn hostile_names_displays_labels_and_errors_are_shown_and_not_run() {
    let here = here().await;
    let leaf = here.worked(HOSTILE, Leaf { text: HOSTILE.into() }).await.id.to_string();
    let fail = here.worked("fail", Fail { depth: 0, text: format!("one\n{HOSTILE}") }).await.id.to_string();
    let waits = RawTask::new(HOSTILE, "v0.0").unwrap();
    let waits = here.client.jobs().submit("waits", waits).await.unwrap().id.to_string();
    for arguments in [
        &["job", "list"][..],
        &["job", "list", "--json"],
        &["job", "get", &leaf],
        &["job", "get", &leaf, "--json"],
        &["job", "get", &fail],
        &["job", "wait", &fail],
        &["job", "get", &waits],
        &["job", "get", &waits, "--json"],
    ] {
        assert_command_is_harmless(&here, arguments, true).await;
    }
    assert_command_is_harmless(&here, &["job", "wait", &leaf], false).await;

    here.client.clusters().create(HOSTILE).slug("hostile").description(HOSTILE).await.unwrap();
    for arguments in [
        &["cluster", "list"][..],
        &["cluster", "list", "--json"],
        &["cluster", "get", "hostile"],
        &["cluster", "get", "hostile", "--json"],
    ] {
        assert_command_is_harmless(&here, arguments, true).await;
    }
    // What users write themselves comes back in errors.
    assert_command_is_harmless(&here, &["cluster", "get", "a\x1b[2Jb"], false).await;
    assert_command_is_harmless(&here, &["job", "list", "--url", "http://127.0.0.1:1\x1b[2J"], false).await;
    assert_command_is_harmless(&here, &["job", "get", "a\x1b[2Jb"], false).await;
}

#[tokio::test]
async fn json_keeps_the_hostile_text_for_programs() {
    let here = here().await;
    let id = here.worked(HOSTILE, Leaf { text: HOSTILE.into() }).await.id.to_string();
    let json = here.boxwood(&["job", "get", &id, "--json"]).await.json();
    assert_eq!((json["name"].as_str(), json["progress"][0]["label"].as_str()), (Some(HOSTILE), Some(HOSTILE)));
    assert_eq!(json["task_summaries"][0]["display"].as_str(), Some(HOSTILE));
}
