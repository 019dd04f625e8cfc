//! The rules of Boxwood: tasks, jobs, dependencies, retries, leases and hand-out order, as pure functions.
