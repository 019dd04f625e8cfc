//! The tides of some days: a small workflow, and a long one that somebody cancels.

use boxwood::{Execute, ExecutionContext, Result, Task};
use serde::{Deserialize, Serialize};
use tracing::{debug, info};

use super::{island, rest};

/// Reads a gauge for each hour of some days.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Tides", version = "v1.0", display = "Tides of {place}")]
pub(crate) struct Tides {
    pub(crate) place: String,
    pub(crate) hours: u32,
}

impl Execute for Tides {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.progress("hours").add(self.hours.into());
        let hours = context.submit_subtasks((0..self.hours).map(|hour| Gauge { hour }));
        context.submit_subtask(HighWater { hours: self.hours }).depends_on(hours);
        Ok(())
    }
}

/// Reads the gauge at one hour.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Gauge", version = "v1.0", display = "Gauge at hour {hour}")]
pub(crate) struct Gauge {
    hour: u32,
}

impl Execute for Gauge {
    async fn execute(self, context: &ExecutionContext) -> Result {
        rest(60, self.hour, 1).await;
        let level = level_cm(self.hour);
        debug!(hour = self.hour, level, "read the gauge");
        context.job_cache().group("levels").set(&self.hour.to_string(), level.to_string()).await?;
        context.progress("hours").done(1);
        context.set_display(format!("Gauge at hour {}: {level} cm", self.hour));
        Ok(())
    }
}

/// Finds the highest water of all hours.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.HighWater", version = "v1.0", display = "High water of {hours} hours")]
pub(crate) struct HighWater {
    hours: u32,
}

impl Execute for HighWater {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let mut highest = 0;
        for (_, level) in context.job_cache().group("levels").items().await? {
            highest = highest.max(String::from_utf8(level)?.parse::<u32>()?);
        }
        info!(highest, "high water");
        context.set_display(format!("High water: {highest} cm"));
        Ok(())
    }
}

/// Twice a day the water comes and goes, and the wind helps.
fn level_cm(hour: u32) -> u32 {
    let tide = (f64::from(hour) / 12.4 * std::f64::consts::TAU).sin();
    let wind = island::random(hour.into(), 2);
    // Between 0 and 440, so that nothing is cut off.
    (200.0 + 180.0 * tide + 60.0 * wind) as u32
}
