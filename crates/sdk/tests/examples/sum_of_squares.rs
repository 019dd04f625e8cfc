use boxwood::{JobState, TaskState};

use crate::here::Here;
use crate::picture::{COMPUTED, Picture};

const SQUARES: [&str; 6] = ["Square(12)", "Square(345)", "Square(453)", "Square(21)", "Square(45)", "Square(98)"];

#[tokio::test]
async fn t_150_t_151_squares_are_summed_up_after_all_of_them_are_known() {
    let here = Here::start().await;
    let printed = here.run("sum_of_squares", &[]).await;
    assert_eq!(printed, ["sum-of-squares is COMPLETED; sum-of-squares.svg shows its 8 tasks"]);

    let job = here.job().await;
    assert_eq!((job.name.as_str(), job.state), ("sum-of-squares", JobState::Completed));
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 8)]);
    let tasks = here.tasks(&job).await;
    // Bare values, as a Python runner would read them (T-21).
    assert_eq!(tasks.inputs(), ["[12,345,453,21,45,98]", "12", "345", "453", "21", "45", "98", ""]);
    for square in SQUARES {
        tasks.assert_order(&["SumOfSquares", square, "Sum"]);
    }
    assert_eq!(here.logs(&job, 1).await, ["Sum: Computed sum of squares result=336448"]);
    here.stop().await;
}

#[tokio::test]
async fn v_2_v_3_v_4_its_picture_shows_8_tasks_and_both_kinds_of_arrows() {
    let here = Here::start().await;
    here.run("sum_of_squares", &[]).await;
    let job = here.job().await;
    let picture = here.picture(&job).await;

    let texts: Vec<&str> = ["SumOfSquares"].into_iter().chain(SQUARES).chain(["Sum"]).collect();
    assert_eq!(picture.texts(), texts);
    assert!(picture.boxes.iter().all(|task| task.fill == COMPUTED && !task.is_dashed), "{picture:?}");
    let edges = |from: &str, to: &[&str]| to.iter().map(|to| (from.to_owned(), (*to).to_owned())).collect::<Vec<_>>();
    assert_eq!(picture.solid, edges("SumOfSquares", &texts[1..]));
    assert_eq!(picture.dashed, edges("Sum", &SQUARES));
    // The file that the example wrote is the same picture.
    assert_eq!(Picture::read(&here.file("sum-of-squares.svg")).texts(), texts);
    here.stop().await;
}
