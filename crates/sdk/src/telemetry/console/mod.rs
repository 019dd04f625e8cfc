//! Logs on standard error, for people.

mod line;
mod text;

use std::error::Error as StdError;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::line::{Line, Style};
use super::fields::written;
use super::span::TASK_ID;
use crate::{exception, spans};

/// Digits of an id that are shown: the last ones, since the first ones are the time and common to many tasks.
const ID_DIGITS: usize = 6;

/// Writes events as lines.
pub(super) struct Console<W> {
    style: Style,
    write: W,
}

/// Writes to standard error; in colour if it is a terminal and `NO_COLOR` does not forbid it.
pub(super) fn on_stderr() -> Console<impl Fn(&str) + Send + Sync + 'static> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let colour = std::io::stderr().is_terminal() && !dumb && !is_set("NO_COLOR");
    // Nobody can be told that nobody reads it.
    Console { style: Style { colour }, write: |text: &str| drop(std::io::stderr().lock().write_all(text.as_bytes())) }
}

/// What a task is called in lines; kept with its span.
struct Label(String);

impl<S, W> Layer<S> for Console<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: Fn(&str) + Send + Sync + 'static,
{
    fn on_new_span(&self, new: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if new.metadata().target() == spans::TARGET
            && new.metadata().name() == spans::TASK
            && let Some(span) = context.span(id)
        {
            let mut task = TaskFields::default();
            new.record(&mut task);
            span.extensions_mut().replace(Label(task.label()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Line {
            time: Zoned::now().strftime("%H:%M:%S%.3f").to_string(),
            level: Some(*metadata.level()),
            speaker: speaker(event, &context).unwrap_or_else(|| metadata.target().to_owned()),
            ..Line::default()
        };
        if metadata.target() == spans::TARGET && metadata.name() == spans::EXCEPTION {
            line.message = "failed".to_owned();
            event.record(&mut ExceptionFields(&mut line));
        } else {
            event.record(&mut EventFields(&mut line));
        }
        (self.write)(&line.written(self.style));
    }
}

/// The task that an event belongs to, and the spans below it that are open.
fn speaker<S>(event: &Event<'_>, context: &Context<'_, S>) -> Option<String>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let mut below = Vec::new();
    for span in context.event_scope(event)? {
        if let Some(Label(label)) = span.extensions().get::<Label>() {
            let spans = below.iter().rev().map(|name| format!(" › {name}"));
            return Some(std::iter::once(label.clone()).chain(spans).collect());
        }
        below.push(span.name());
    }
    None
}

/// The fields of the span of a task.
#[derive(Default)]
struct TaskFields {
    name: String,
    id: String,
}

impl TaskFields {
    fn label(&self) -> String {
        let digits = &self.id[self.id.len().saturating_sub(ID_DIGITS)..];
        format!("{} {digits}", self.name)
    }
}

impl Visit for TaskFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            TASK_ID => self.id = format!("{value:?}"),
            "identifier.name" => self.name = format!("{value:?}"),
            _ => (),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "identifier.name" {
            self.name = value.to_owned();
        }
    }
}

/// The fields of what somebody logs.
struct EventFields<'a>(&'a mut Line);

impl EventFields<'_> {
    fn add(&mut self, field: &Field, value: String) {
        let name = field.name();
        match name.strip_prefix("r#").unwrap_or(name) {
            "message" => self.0.message = value,
            name if name.starts_with("log.") => (),
            name => self.0.fields.push((name, value)),
        }
    }
}

impl Visit for EventFields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, written(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, written(format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        let text = exception::causes(value).unwrap_or_else(|| value.to_string());
        let name = field.name();
        let mut lines = error_lines(&text);
        // One called `error` needs no name.
        if name != "error"
            && let Some(first) = lines.first_mut()
        {
            *first = format!("{name}: {first}");
        }
        self.0.errors.push(lines);
    }
}

/// The fields of an event of the SDK that says why a task failed.
struct ExceptionFields<'a>(&'a mut Line);

impl Visit for ExceptionFields<'_> {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // It says all that the message says, and more.
            exception::STACKTRACE => self.0.errors = vec![error_lines(value)],
            exception::MESSAGE if self.0.errors.is_empty() => self.0.errors.push(vec![value.to_owned()]),
            _ => (),
        }
    }
}

/// An error and its causes, as [`exception::causes`] writes them.
fn error_lines(text: &str) -> Vec<String> {
    text.split(exception::CAUSED_BY).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::TaskId;

    /// What is written while `act` runs, without the times of day.
    fn seen(act: impl FnOnce()) -> String {
        let out = Arc::new(Mutex::new(String::new()));
        let write = {
            let out = Arc::clone(&out);
            move |text: &str| out.lock().unwrap().push_str(&text["00:00:00.000".len()..])
        };
        let console = Console { style: Style { colour: false }, write };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(console), act);
        out.lock().unwrap().clone()
    }

    fn task_span() -> tracing::Span {
        let task: TaskId = "0190a5b2-7c3d-7e4f-8a1b-2c3d4e5f6071".parse().unwrap();
        spans::task(&crate::TaskIdentifier::new("Tile", "v1.0").unwrap(), task, "")
    }

    #[test]
    fn a_task_is_named_with_the_end_of_its_id() {
        let text = seen(|| {
            task_span().in_scope(|| {
                tracing::info!(bands = 3, path = "a b", "reading");
                tracing::info_span!("decode").in_scope(|| tracing::warn!("slow"));
            });
        });
        assert_eq!(text, "  INFO Tile 5f6071  reading  bands=3 path=\"a b\"\n  WARN Tile 5f6071 › decode  slow\n");
    }

    #[test]
    fn errors_have_lines_of_their_own() {
        let inner = std::io::Error::other("no such file");
        let outer = crate::Error::Cache { problem: "cannot read".to_owned(), source: Some(Box::new(inner)) };
        let text = seen(|| {
            tracing::error!(error = &outer as &dyn StdError, tries = 2, "giving up");
        });
        let (first, rest) = text.split_once('\n').unwrap();
        assert!(first.ends_with("::tests  giving up  tries=2"), "{first}");
        assert_eq!(rest.split_whitespace().collect::<Vec<_>>().join(" "), "cache: cannot read caused by no such file");
    }

    #[test]
    fn o_12_a_failed_task_says_why() {
        let text = seen(|| task_span().in_scope(|| spans::failed(None, "no scene", None)));
        assert_eq!(text, " ERROR Tile 5f6071  failed\n                    no scene\n");
    }
}
