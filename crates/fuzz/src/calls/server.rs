//! The server that all inputs of a process share, and the runtime it lives in.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use boxwood_server::{Config, Inside, Listen};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::request;

struct Shared {
    runtime: Runtime,
    server: Inside,
    _folder: TempDir,
}

static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut config = Config::new(Listen::Tcp("127.0.0.1:0".into()), folder.path());
    config.telemetry.commit_interval = Duration::ZERO;
    // Large enough to keep some, small enough for a search of many hours.
    config.telemetry.bytes_max = Some(4 << 20);
    // Bounds are reached by small inputs then.
    config.message_bytes_max = 1 << 20;
    let server = runtime.block_on(async {
        let server = Inside::start(config).await.expect("a server");
        server.answer(request::job()).await.expect("a whole answer");
        server
    });
    Mutex::new(Shared { runtime, server, _folder: folder })
});

/// Does something with the server, which has one job.
pub(super) fn with(work: impl AsyncFnOnce(&Inside)) {
    // A test that failed before says nothing about this one.
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.runtime.block_on(work(&shared.server));
}
