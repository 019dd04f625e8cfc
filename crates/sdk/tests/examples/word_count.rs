use std::fs;

use boxwood::{JobState, TaskState};

use crate::here::Here;

#[tokio::test]
async fn k_3_k_11_words_of_all_files_are_counted_through_a_cache_in_files() {
    let here = Here::start().await;
    let texts = here.folder.path().join("texts");
    fs::create_dir_all(texts.join("below")).unwrap();
    fs::write(texts.join("one.txt"), "A tree is a tree.").unwrap();
    fs::write(texts.join("below/two.md"), "The tree, the wood; the box: three words and four.").unwrap();
    fs::write(texts.join("below/picture.png"), [255; 10]).unwrap();
    let printed = here.run("word_count", &["texts"]).await;
    let words = ["3 the", "3 tree", "2 a", "1 and", "1 box", "1 four", "1 is", "1 three", "1 wood", "1 words"];
    let mut expected: Vec<String> = words.map(|line| format!("       {line}")).into();
    expected.push("word-count is COMPLETED, with 4 tasks".to_owned());
    assert_eq!(printed, expected);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 4)]);
    assert_eq!((job.progress[0].label.as_str(), job.progress[0].total, job.progress[0].done), ("files", 2, 2));
    let tasks = here.tasks(&job).await;
    let outline = ["WordCount", "  texts/below/two.md: 10 words", "  texts/one.txt: 5 words", "  Merge"];
    assert_eq!(tasks.outline(), outline);
    assert_eq!(tasks.inputs()[..2], [r#"{"folder":"texts"}"#, r#"{"file":"texts/below/two.md"}"#]);

    // One file for each key, below the job and the group (K-11).
    let one = tasks.named("texts/one.txt: 5 words");
    assert_eq!(here.file(format!("cache/{}/counts/{}", job.id, one.id)), r#"{"a":2,"is":1,"tree":2}"#);
    here.stop().await;
}

#[tokio::test]
async fn without_an_argument_the_sources_of_the_sdk_are_counted() {
    let here = Here::start().await;
    let printed = here.run("word_count", &[]).await;
    assert_eq!(printed.len(), 11, "ten words and the state: {printed:?}");
    assert_eq!(here.job().await.state, JobState::Completed);
    here.stop().await;
}
