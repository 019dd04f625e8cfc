//! What the jobs of the demo do: the workflows, written as any program would write them with the Rust SDK.
//!
//! - [`survey`]: the main one, a map of an island out of photos with clouds.
//! - [`tides`] and [`mod@print`]: two small ones.

pub(super) mod island;
pub(super) mod print;
pub(super) mod survey;
pub(super) mod tides;

use std::time::Duration;

/// Rests for about as long as work of that kind takes: a third of it to the triple, always the same for the same `x` and `y`.
///
/// What the demo computes is small, and a machine may have few processors. So its tasks rest as if they were waiting for
/// disks, networks and graphics cards.
async fn rest(typical_ms: u32, x: impl Into<i64>, y: impl Into<i64>) {
    let random = island::random(x.into() + i64::from(typical_ms), y.into());
    tokio::time::sleep(Duration::from_millis(typical_ms.into()).mul_f64(3_f64.powf(2.0 * random - 1.0))).await;
}
