//! The tree of tasks: small jobs as they are, large ones folded.

use boxwood::{Execute, ExecutionContext, RawTask, Runner, Task};

use crate::here::{Chain, Fail, Fan, Here, fan, here};

/// State and tree of each row, without the times; the root of the job shows `root`.
async fn rows(here: &Here, arguments: &[&str], root: &str) -> Vec<String> {
    let text = here.boxwood(&[&["job", "get"][..], arguments].concat()).await.ok();
    let tree: Vec<Vec<char>> = text
        .split_once("\n\n")
        .expect("a blank line before the tree")
        .1
        .lines()
        .map(|line| line.chars().collect())
        .collect();
    let first: String = tree[0].iter().collect();
    let column = first[..first.find(root).expect("the root is shown")].chars().count();
    let row = |line: &Vec<char>| {
        let state: String = line.iter().take_while(|c| **c != ' ').collect();
        let rest: String = line.iter().skip(column).collect();
        format!("{state} {rest}").trim_start().to_owned()
    };
    tree.iter().map(row).collect()
}

#[tokio::test]
async fn a_small_job_is_shown_as_it_is() {
    let here = here().await;
    let id = here.worked("small", fan(6)).await.id.to_string();
    let expected = [
        "COMPUTED fan out",
        "COMPUTED ├─ leaf 1",
        "COMPUTED ├─ leaf 2",
        "COMPUTED ├─ leaf 3",
        "COMPUTED ├─ leaf 4",
        "COMPUTED ├─ leaf 5",
        "COMPUTED ├─ leaf 6",
        "COMPUTED └─ gather",
    ];
    assert_eq!(rows(&here, &[&id], "fan out").await, expected);
}

#[tokio::test]
async fn tasks_that_look_alike_are_one_row_in_a_large_job() {
    let here = here().await;
    let id = here.worked("large", fan(300)).await.id.to_string();
    let expected = ["COMPUTED fan out", "COMPUTED ├─ leaf 1 … leaf 300  (300 tasks)", "COMPUTED └─ gather"];
    assert_eq!(rows(&here, &[&id], "fan out").await, expected);
    let unfolded = rows(&here, &[&id, "--unfold"], "fan out").await;
    assert_eq!((unfolded.len(), unfolded[123].as_str()), (302, "COMPUTED ├─ leaf 123"));
}

#[tokio::test]
async fn a_failed_task_keeps_its_row_among_many() {
    let here = here().await;
    let id = here.worked("large", Fan { leaves: 300, bad: 300 }).await.id.to_string();
    let shown = rows(&here, &[&id], "fan out").await;
    let expected = [
        "COMPUTED fan out",
        "COMPUTED ├─ leaf 1 … leaf 299  (299 tasks)",
        "FAILED   ├─ Leaf",
        "│    it is bad",
        "QUEUED   └─ Leaf",
    ];
    let squeezed = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(shown.iter().map(|row| squeezed(row)).collect::<Vec<_>>(), expected.map(squeezed));
}

#[tokio::test]
async fn tasks_that_do_not_look_alike_are_counted_beyond_the_first() {
    let here = here().await;
    let letters = (b'a'..=b'z').flat_map(|one| [b'x', b'y'].map(|two| String::from_utf8(vec![one, two]).unwrap()));
    let mut roots = letters.map(|letters| RawTask::new("T", "v0.0").unwrap().display(letters));
    let job = here.client.jobs().submit("many", roots.next().unwrap()).tasks(roots).await.unwrap();
    let shown = rows(&here, &[&job.id.to_string()], "ax").await;
    assert_eq!((shown.len(), shown[0].as_str()), (17, "QUEUED ax"));
    assert_eq!(shown[16], "… and 36 other tasks: 36 queued");
}

/// Sends its sub-task to another cluster.
#[derive(Task)]
#[task(display = "elsewhere")]
struct Elsewhere;

impl Execute for Elsewhere {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(RawTask::new("T", "v0.0")?).cluster("gpu");
        Ok(())
    }
}

#[tokio::test]
async fn c_13_clusters_are_named_where_a_job_has_several() {
    let here = here().await;
    here.client.clusters().create("GPU").slug("gpu").await.unwrap();
    let default = here.client.clusters().find("").await.unwrap().slug;
    let id = here.client.jobs().submit("elsewhere", Elsewhere).await.unwrap().id.to_string();
    assert_eq!(rows(&here, &[&id], "elsewhere").await, ["QUEUED elsewhere"]);
    let runner = Runner::builder(&here.client).task::<Elsewhere>().signals(false).build().await.unwrap();
    runner.run_all().await.unwrap();
    let expected = [format!("COMPUTED elsewhere  [on {default}]"), "QUEUED   └─ T  [on gpu]".to_owned()];
    assert_eq!(rows(&here, &[&id], "elsewhere").await, expected.map(|row| row.replace("QUEUED  ", "QUEUED")));
}

#[tokio::test]
async fn a_chain_is_one_row_and_does_not_leave_the_screen() {
    let here = here().await;
    let id = here.worked("chain", Chain { left: 99 }).await.id.to_string();
    let expected = ["COMPUTED link 99 … link 0  (100 tasks, each below the one before)"];
    assert_eq!(rows(&here, &[&id], "link 99").await, expected);
    let unfolded = rows(&here, &[&id, "--unfold"], "link 99").await;
    assert!(unfolded[99].ends_with("(depth 99) link 0"), "{}", unfolded[99]);
    assert!(unfolded.iter().all(|row| row.chars().count() < 80), "{unfolded:?}");
}

#[tokio::test]
async fn t_45_the_error_of_a_failed_task_is_below_it() {
    let here = here().await;
    let text = "cannot read:\n\tno such file\n".to_owned();
    let id = here.worked("bad", Fail { depth: 1, text }).await.id.to_string();
    let expected = ["COMPUTED fail below 1", "FAILED └─ fail below 0", "cannot read:", "no such file"];
    let shown = rows(&here, &[&id], "fail below 1").await;
    assert_eq!(shown.iter().map(|row| row.trim()).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_is_not_read_is_told() {
    let here = here().await;
    let id = here.worked("large", fan(300)).await.id.to_string();
    let ran = here.boxwood(&["job", "get", &id, "--tasks-max", "100"]).await;
    assert_eq!(ran.stderr, "these are 100 of 302 tasks; --tasks-max COUNT reads more\n");
    let json = here.boxwood(&["job", "get", &id, "--tasks-max", "100", "--json"]).await.json();
    assert_eq!(
        (json["task_summaries"].as_array().unwrap().len(), &json["task_summaries_truncated"]),
        (100, &true.into())
    );
}

#[tokio::test]
async fn a_queued_job_shows_what_waits() {
    let here = here().await;
    let job = here.client.jobs().submit("waits", RawTask::new("acme.T", "v1.0").unwrap()).await.unwrap();
    let text = here.boxwood(&["job", "get", &job.id.to_string()]).await.ok();
    assert!(text.contains("state       SUBMITTED\n") && text.contains("tasks       1 task: 1 queued\n"), "{text}");
    assert!(text.ends_with("\n\nQUEUED    acme.T\n"), "{text}");
    assert!(!text.contains("started") && !text.contains("progress"), "what is not known is left out: {text}");
}
