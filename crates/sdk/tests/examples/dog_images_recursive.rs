use std::fs;

use boxwood::{JobState, TaskState};

use crate::here::Here;
use crate::services::Services;

async fn search(arguments: &[&str], searches: &[&str], images: u64) {
    let (here, services) = (Here::start().await, Services::start().await);
    let dogs = ("DOG_API_URL", format!("{}/dogs", services.url));
    assert_eq!(here.run_with("dog_images_recursive", arguments, &[dogs]).await, searches);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, searches.len() as u64 + images)]);
    let tasks = here.tasks(&job).await;
    let downloads: Vec<String> =
        tasks.inputs().into_iter().filter(|input| input.starts_with(r#"{"url":"http://"#)).collect();
    assert_eq!(downloads.len() as u64, images);
    for (task, input) in tasks.iter().zip(tasks.inputs()) {
        if let Some(number) = task.display.strip_prefix("search for ").and_then(|text| text.strip_suffix(" images")) {
            assert_eq!(input, format!(r#"{{"num_images":{number}}}"#));
        }
    }
    assert_eq!(fs::read_dir(here.folder.path().join("dogs")).unwrap().count() as u64, images);
    here.stop().await;
}

#[tokio::test]
async fn t_76_nine_images_take_five_searches() {
    let searches = [
        "search for 9 images",
        "  search for 4 images",
        "  search for 5 images",
        "    search for 2 images",
        "    search for 3 images",
    ];
    search(&[], &searches, 9).await;
}

#[tokio::test]
async fn t_76_four_images_take_one_search() {
    search(&["4"], &["search for 4 images"], 4).await;
}
