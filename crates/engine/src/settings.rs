//! Numbers of the rules that an operator may change.

use std::time::Duration;

/// The adjustable numbers of the rules, with their documented defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lease given with every hand-out. At least one second.
    pub lease_first: Duration,
    /// The longest lease an extension grants.
    pub lease_max: Duration,
    /// How much of a lease should be left when it is extended, at least.
    pub lease_margin: Duration,
    /// How often a task may lose its lease before that fails it (S-40).
    pub crash_retries_max: u32,
    /// How often in a row a task may be handed back before that fails it (S-33).
    pub hand_backs_max: u32,
    /// Refuse reports with content errors instead of failing the task (the strict reading of R-51, Q24).
    pub refuse_content_errors: bool,
    /// How long a repeated submission finds the job of the first one.
    pub repeat_window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease_first: Duration::from_secs(15),
            lease_max: Duration::from_secs(60),
            lease_margin: Duration::from_secs(5),
            crash_retries_max: 10,
            hand_backs_max: 100,
            refuse_content_errors: false,
            repeat_window: Duration::from_secs(60),
        }
    }
}
