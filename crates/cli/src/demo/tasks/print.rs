//! A map on paper: a small workflow that fails until somebody retries its job.

use boxwood::{Execute, ExecutionContext, Result, Task};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::rest;

/// The sheet for which there is no paper.
const LAST_SHEET: u32 = 3;

/// Prints the sheets of a map, one after another.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Print", version = "v1.0", display = "Print {sheets} sheets")]
pub(crate) struct Print {
    pub(crate) sheets: u32,
}

impl Execute for Print {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.progress("sheets").add(self.sheets.into());
        let mut before = None;
        for number in 1..=self.sheets {
            before = Some(context.submit_subtask(Sheet { number }).depends_on(before));
        }
        context.submit_subtask(Bind).depends_on(before);
        Ok(())
    }
}

/// Prints a sheet.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "demo.Sheet", version = "v1.0", display = "Sheet {number}")]
pub(crate) struct Sheet {
    number: u32,
}

impl Execute for Sheet {
    async fn execute(self, context: &ExecutionContext) -> Result {
        rest(80, self.number, 3).await;
        let cache = context.job_cache();
        if self.number == LAST_SHEET && !cache.contains("filled-up").await? {
            // Whoever retries the job has filled the printer up.
            cache.set("filled-up", "yes").await?;
            error!(sheet = self.number, "no paper");
            return Err("the printer is out of paper: fill it up, then retry the job".into());
        }
        info!(sheet = self.number, "printed");
        context.progress("sheets").done(1);
        Ok(())
    }
}

/// Binds the sheets.
#[derive(Task)]
#[task(name = "demo.Bind", version = "v1.0", display = "Bind the sheets")]
pub(crate) struct Bind;

impl Execute for Bind {
    async fn execute(self, _: &ExecutionContext) -> Result {
        rest(150, 0, 4).await;
        info!("bound");
        Ok(())
    }
}
