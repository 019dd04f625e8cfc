//! Two languages in one job: tasks in Rust beside tasks in Python, which share a cache.
//!
//! ```sh
//! boxwood serve                               # in another terminal
//! pip install tilebox-workflows               # the official SDK for Python
//! python crates/sdk/examples/mixed.py         # in a third one: the runner of the Python tasks
//! cargo run --example mixed
//! ```
//!
//! Three weather stations are recorded in Rust. Python looks for outliers with its statistics library, and submits a
//! Rust task for each it finds. The report, again in Rust, depends on the Python tasks and so on everything below them:
//!
//! ```text
//! Survey                    Rust
//! ├── Record × 3            Rust, puts the temperatures into the cache
//! ├── FindOutliers × 3      Python, depends on the records and reads them
//! │   └── LookCloser        Rust, submitted by Python
//! └── Report                Rust, depends on FindOutliers
//! ```
//!
//! Tasks find each other by name. A Python task with one field takes the bare value as its input, so does a Rust task with
//! `input = "value"`; with several fields both take an object. Both runners have to see the same folder `cache`: start them
//! in the same place.

use std::f64::consts::TAU;

use boxwood::{Client, Execute, ExecutionContext, JobCache, LocalFileCache, RawTask, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct Survey {
    stations: Vec<String>,
}

#[derive(Task)]
#[task(input = "value", display = "Record({station})")]
struct Record {
    station: String,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "LookCloser({station} at {hour} h)")]
struct LookCloser {
    station: String,
    hour: usize,
}

#[derive(Task, Serialize, Deserialize)]
struct Report {
    stations: Vec<String>,
}

/// The task `FindOutliers`, whose code is in `mixed.py`.
fn find_outliers(station: &str) -> Result<RawTask> {
    Ok(RawTask::new("FindOutliers", "v0.0")?.json(&station)?.display(format!("FindOutliers({station})")))
}

impl Execute for Survey {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let searches = self.stations.iter().map(|station| find_outliers(station)).collect::<Result<Vec<_>>>()?;

        let records = context.submit_subtasks(self.stations.iter().map(|station| Record { station: station.clone() }));
        let searches = context.submit_subtasks(searches).depends_on(records);
        context.submit_subtask(Report { stations: self.stations }).depends_on(searches);
        Ok(())
    }
}

impl Execute for Record {
    async fn execute(self, context: &ExecutionContext) -> Result {
        // Cold at night, warm in the afternoon, and one sensor that fails once.
        let mean = match self.station.as_str() {
            "summit" => -2.0,
            "airfield" => 11.0,
            _ => 13.0,
        };
        let warmth = |hour: u32| mean + 6.0 * f64::cos((f64::from(hour) - 15.0) / 24.0 * TAU);
        let mut temperatures: Vec<f64> = (0..24).map(warmth).collect();
        if self.station == "harbour" {
            temperatures[14] = 99.9;
        }
        write(&context.job_cache(), &self.station, &temperatures).await
    }
}

impl Execute for LookCloser {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut temperatures = read(&context.job_cache(), &self.station).await?;
        let (before, after) = ((self.hour + 23) % 24, (self.hour + 1) % 24);
        temperatures[self.hour] = (temperatures[before] + temperatures[after]) / 2.0;
        write(&context.job_cache(), &self.station, &temperatures).await
    }
}

impl Execute for Report {
    async fn execute(self, context: &ExecutionContext) -> Result {
        for station in &self.stations {
            let temperatures = read(&context.job_cache(), station).await?;
            let mean = temperatures.iter().sum::<f64>() / temperatures.len() as f64;
            let highest = temperatures.iter().copied().fold(f64::MIN, f64::max);
            println!("{station:<10} mean {mean:>5.1} °C, highest {highest:>5.1} °C");
        }
        Ok(())
    }
}

/// The temperatures of a station are a list in JSON, which Python reads as well.
async fn read(cache: &JobCache, station: &str) -> Result<Vec<f64>> {
    Ok(serde_json::from_slice(&cache.group("temperatures").get(station).await?)?)
}

async fn write(cache: &JobCache, station: &str, temperatures: &[f64]) -> Result {
    Ok(cache.group("temperatures").set(station, serde_json::to_vec(temperatures)?).await?)
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let stations = ["summit", "harbour", "airfield"].map(String::from).into();
    let job = client.jobs().submit("mixed", Survey { stations }).await?;

    let runner = Runner::builder(&client)
        .task::<Survey>()
        .task::<Record>()
        .task::<LookCloser>()
        .task::<Report>()
        .cache(LocalFileCache::new("cache"))
        .build()
        .await?;
    // Not `run_all`, which would end as soon as there is nothing to do in Rust.
    let handle = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });

    println!("waiting for the Python tasks; start mixed.py unless it runs");
    let job = client.jobs().wait(&job).await?;
    handle.shutdown();
    running.await??;
    println!("{} is {}", job.name, job.state);
    Ok(())
}
