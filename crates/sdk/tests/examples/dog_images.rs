use std::fs;

use boxwood::{JobState, TaskState};

use crate::here::Here;
use crate::picture::{COMPUTED, Picture};
use crate::services::Services;

#[tokio::test]
async fn t_70_v_2_v_3_one_task_for_each_image_that_was_found() {
    let (here, services) = (Here::start().await, Services::start().await);
    let dogs = ("DOG_API_URL", format!("{}/dogs", services.url));
    let printed = here.run_with("dog_images", &[], &[dogs]).await;
    let expected = [
        "download-dog-images is SUBMITTED",
        "download-dog-images is COMPLETED; download-dog-images.svg shows its 6 tasks",
    ];
    assert_eq!(printed, expected);

    let job = here.job().await;
    assert_eq!((job.name.as_str(), job.state), ("download-dog-images", JobState::Completed));
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 6)]);
    let names: Vec<String> = (0..5).map(|index| format!("dog-5-{index}.jpg")).collect();
    let tasks = here.tasks(&job).await;
    let mut inputs = vec![r#"{"num_images":5}"#.to_owned()];
    inputs.extend(names.iter().map(|name| format!(r#"{{"url":"{}/dogs/images/{name}"}}"#, services.url)));
    assert_eq!(tasks.inputs(), inputs);
    // Each image is in a file called like the last part of its address.
    for name in &names {
        assert_eq!(here.file(format!("dogs/{name}")), format!("picture of {name}"));
    }
    assert_eq!(fs::read_dir(here.folder.path().join("dogs")).unwrap().count(), 5);

    let picture = Picture::read(&here.file("download-dog-images.svg"));
    assert_eq!(picture.texts(), [&["DownloadRandomDogImages"][..], &["DownloadImage"; 5]].concat());
    assert!(picture.boxes.iter().all(|task| task.fill == COMPUTED), "{picture:?}");
    let edge = ("DownloadRandomDogImages".to_owned(), "DownloadImage".to_owned());
    assert_eq!((picture.solid, picture.dashed), (vec![edge; 5], vec![]));
    here.stop().await;
}
