//! The Rust half, beside a stand-in for the Python half; `conformance/mixed` runs both.

use boxwood::{Execute, ExecutionContext, JobState, LocalFileCache, Result, Runner, Task};
use serde::{Deserialize, Serialize};

use crate::here::Here;

/// What `mixed.py` does, as far as the Rust half can see it.
#[derive(Task)]
#[task(input = "value")]
struct FindOutliers {
    station: String,
}

#[derive(Task, Serialize, Deserialize)]
struct LookCloser {
    station: String,
    hour: usize,
}

impl Execute for FindOutliers {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let temperatures = context.job_cache().get(&format!("temperatures/{}", self.station)).await?;
        let temperatures: Vec<f64> = serde_json::from_slice(&temperatures)?;
        let outliers = (0..temperatures.len()).filter(|&hour| temperatures[hour] > 50.0);
        context.submit_subtasks(outliers.map(|hour| LookCloser { station: self.station.clone(), hour }));
        Ok(())
    }
}

#[tokio::test]
async fn t_30_k_11_tasks_elsewhere_take_part_by_name_input_and_cache() {
    let here = Here::start().await;
    let runner = Runner::builder(&here.client).task::<FindOutliers>().signals(false);
    let runner = runner.cache(LocalFileCache::new(here.folder.path().join("cache"))).build().await.unwrap();
    let handle = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await.unwrap() });
    let printed = here.run("mixed", &[]).await;
    handle.shutdown();
    assert_eq!(running.await.unwrap().computed, 3);

    let expected = [
        "waiting for the Python tasks; start mixed.py unless it runs",
        "summit     mean  -2.0 °C, highest   4.0 °C",
        "harbour    mean  13.0 °C, highest  19.0 °C",
        "airfield   mean  11.0 °C, highest  17.0 °C",
        "mixed is COMPLETED",
    ];
    assert_eq!(printed, expected);
    let job = here.job().await;
    assert_eq!((job.state, job.stats.total_tasks), (JobState::Completed, 9));
    let tasks = here.tasks(&job).await;
    assert_eq!(tasks.named("FindOutliers(harbour)").input, br#""harbour""#, "as Python reads one field (T-21)");
    assert_eq!(tasks.named("LookCloser").input, br#"{"station":"harbour","hour":14}"#, "as Python writes two (T-23)");
    tasks.assert_order(&["Record(harbour)", "FindOutliers(harbour)", "LookCloser", "Report"]);
    here.stop().await;
}
