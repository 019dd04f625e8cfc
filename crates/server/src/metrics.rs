//! Numbers for Prometheus, as text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use boxwood_proto::connectrpc::interceptor::{Interceptor, Next, UnaryRequest, UnaryResponse};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, async_trait};

use crate::dispatch::Dispatch;
use crate::live::Live;

/// The codes a call can end with: the numbers of gRPC.
const CODES: usize = 17;

/// Calls by procedure and code.
pub(crate) struct Calls {
    by_path: HashMap<String, [AtomicU64; CODES]>,
    /// Calls of procedures there are none of.
    unknown: AtomicU64,
    /// Requests refused because of their host or origin.
    refused: AtomicU64,
    started: Instant,
}

impl Calls {
    /// Counts the calls of these procedures, each `service/method`.
    pub(crate) fn new<'a>(procedures: impl IntoIterator<Item = &'a str>) -> Self {
        let by_path = procedures.into_iter().map(|path| (path.to_owned(), Default::default()));
        Self {
            by_path: by_path.collect(),
            unknown: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// The counters of a procedure by code, if there is such a procedure.
    fn of(&self, path: &str) -> Option<&[AtomicU64; CODES]> {
        self.by_path.get(path.trim_start_matches('/'))
    }

    /// Whether there is such a procedure; if not, the call is counted.
    pub(crate) fn note(&self, path: &str) {
        if self.of(path).is_none() {
            self.unknown.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a call that was answered: with this error, or well.
    pub(crate) fn count(&self, path: &str, error: Option<ErrorCode>) {
        count(self.of(path), error);
    }

    /// Counts a refused request.
    pub(crate) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The text Prometheus reads.
    pub(crate) fn text(&self, dispatch: &Dispatch, live: &Live) -> String {
        let mut out = String::with_capacity(4096);
        let mut line = |text: std::fmt::Arguments<'_>| {
            out.write_fmt(text).expect("writing to a string does not fail");
            out.push('\n');
        };
        line(format_args!("# HELP boxwood_calls_total Calls answered, by procedure and code."));
        line(format_args!("# TYPE boxwood_calls_total counter"));
        let mut procedures: Vec<_> = self.by_path.iter().collect();
        procedures.sort_unstable_by_key(|(path, _)| *path);
        for (path, counters) in procedures {
            let (service, method) = path.split_once('/').unwrap_or((path, ""));
            for (code, counter) in counters.iter().enumerate() {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    let code = code_name(code);
                    line(format_args!(
                        "boxwood_calls_total{{service=\"{service}\",method=\"{method}\",code=\"{code}\"}} {count}"
                    ));
                }
            }
        }
        let numbers = [
            (
                "boxwood_unknown_calls_total",
                "counter",
                "Calls of procedures there are none of.",
                self.unknown.load(Ordering::Relaxed),
            ),
            (
                "boxwood_refused_requests_total",
                "counter",
                "Requests refused because of their host or origin.",
                self.refused.load(Ordering::Relaxed),
            ),
            ("boxwood_tasks_handed_out_total", "counter", "Tasks handed out to runners.", dispatch.handed_out()),
            ("boxwood_waiting_runners", "gauge", "Requests held open until there is work.", dispatch.waiting() as u64),
            ("boxwood_listeners", "gauge", "Streams of changes of jobs that are open.", live.len() as u64),
            ("boxwood_uptime_seconds", "gauge", "Seconds since the start.", self.started.elapsed().as_secs()),
        ];
        for (name, kind, help, value) in numbers {
            line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"));
        }
        out
    }
}

fn count(counters: Option<&[AtomicU64; CODES]>, error: Option<ErrorCode>) {
    let code = error.map_or(0, |code| code.grpc_code());
    if let Some(counter) = counters.and_then(|counters| counters.get(code as usize)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn code_name(code: usize) -> &'static str {
    match u32::try_from(code).ok().and_then(ErrorCode::from_grpc_code) {
        Some(code) => code.as_str(),
        None => "ok",
    }
}

/// Counts each call when it is answered.
pub(crate) struct Counting(pub(crate) Arc<Calls>);

#[async_trait]
impl Interceptor for Counting {
    async fn intercept_unary(&self, request: UnaryRequest, next: Next<'_>) -> Result<UnaryResponse, ConnectError> {
        let counters = request.ctx.path().and_then(|path| self.0.of(path));
        let answer = next.run(request).await;
        count(counters, answer.as_ref().err().map(|error| error.code));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IdleSettings;

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        let calls = Calls::new(["a.B/C", "a.B/D"]);
        let counters = calls.of("/a.B/C").expect("counted");
        counters[0].fetch_add(2, Ordering::Relaxed);
        counters[5].fetch_add(1, Ordering::Relaxed);
        calls.note("/a.B/X");
        calls.note("/a.B/C");
        let text = calls.text(&Dispatch::new(IdleSettings::default(), false), &Live::new());
        assert!(text.contains("boxwood_calls_total{service=\"a.B\",method=\"C\",code=\"ok\"} 2\n"), "{text}");
        assert!(text.contains("boxwood_calls_total{service=\"a.B\",method=\"C\",code=\"not_found\"} 1\n"), "{text}");
        assert!(text.contains("\nboxwood_unknown_calls_total 1\n"), "{text}");
        assert!(!text.contains("method=\"D\""), "{text}");
    }
}
