use boxwood::{JobState, TaskState};

use crate::here::Here;

/// Its own tests, which run with these.
#[path = "../../examples/unit_tested.rs"]
#[allow(dead_code, reason = "the program is run as a process")]
mod example;

#[tokio::test]
async fn the_order_is_shipped_by_a_real_server_too() {
    let here = Here::start().await;
    let printed = here.run("unit_tested", &[]).await;
    let displays = ["Order 7", "Reserve a lamp", "Reserve a table", "Charge 280", "Ship", "Mail"];
    assert_eq!(printed, displays.map(|display| format!("COMPUTED         {display}")));

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 6)]);
    assert_eq!(here.file(format!("cache/{}/bookings/7", job.id)), "280");
    let tasks = here.tasks(&job).await;
    for reserved in ["Reserve a lamp", "Reserve a table"] {
        tasks.assert_order(&[reserved, "Charge 280", "Ship", "Mail"]);
    }
    here.stop().await;
}
