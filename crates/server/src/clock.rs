//! The present. Time enters here and travels on inside commands.

use std::time::{SystemTime, UNIX_EPOCH};

use boxwood_engine::Timestamp;

/// The present.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
