//! Log records (O-15 to O-19).

use std::error::Error as StdError;

use boxwood::{AttributeValue, Execute, ExecutionContext, LogSeverity, Task};
use tracing::{debug, error, info, trace, warn};

use crate::here::{attribute, here, here_at, hex, named, plain, position, status, text};

#[derive(Task)]
struct Loud;

impl Execute for Loud {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        trace!("not exported by default");
        debug!("not exported by default");
        info!(number = 7, "for information");
        warn!("a warning");
        error!("an error");
        Ok(())
    }
}

#[tokio::test]
async fn o_15_logs_of_a_task() {
    let here = here().await;
    let job = here.client.jobs().submit("loud", Loud).await.unwrap();
    here.runner().task::<Loud>().build().await.unwrap().run_all().await.unwrap();
    let records = here.logs(&job, 3).await;
    let seen: Vec<_> = records
        .iter()
        .map(|log| (log.body.as_str().unwrap_or_default(), log.severity, log.severity_text.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("for information", LogSeverity::Info, "INFO"),
            ("a warning", LogSeverity::Warn, "WARN"),
            ("an error", LogSeverity::Error, "ERROR"),
        ]
    );
    let task = here.client.jobs().tasks(&job).next().await.unwrap().unwrap();
    let spans = here.spans(&job, 2).await;
    let span = named(&spans, "task/Loud");
    for log in &records {
        assert_eq!((log.trace_id.clone(), log.span_id.clone()), (position(&job.trace_parent).0, hex(&span.span_id)));
        let number = (log.body == "for information").then(|| ("number".to_owned(), AttributeValue::Integer(7)));
        let added =
            [("task_id", task.id.to_string()), ("trace_id", log.trace_id.clone()), ("span_id", log.span_id.clone())];
        let added = added.map(|(key, value)| (key.to_owned(), text(&value)));
        assert_eq!(log.attributes, number.into_iter().chain(added).collect::<Vec<_>>());
    }

    // O-16: the same as events of the span.
    let [first, ..] = span.events.as_slice() else { panic!("no events") };
    let bodies: Vec<_> = span.events.iter().map(|event| attribute(&plain(&event.attributes), "body")).collect();
    assert_eq!(bodies, ["for information", "a warning", "an error"]);
    let attributes = plain(&first.attributes);
    assert_eq!((first.name.as_str(), attribute(&attributes, "level").as_str()), ("log.message", "INFO"));
    assert!(attributes.contains(&("number".to_owned(), AttributeValue::Integer(7))), "{attributes:?}");
    assert!(attribute(&attributes, "time").ends_with('Z'), "{attributes:?}");

    // O-17.
    let resource = &records[0].runner_attributes;
    assert_eq!(attribute(resource, "service.name"), "boxwood-rust");
    assert_eq!(attribute(resource, "process.pid"), std::process::id().to_string());
    here.server.stop().await.unwrap();
}

#[derive(Task)]
struct Typed;

impl Execute for Typed {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        let span = tracing::info_span!("typed", yes = true, ratio = 0.5, later = tracing::field::Empty);
        span.record("later", "now");
        span.in_scope(|| {
            info!(
                text = "ünïcode \u{2603}",
                empty = "",
                yes = true,
                big = 1_i64 << 62,
                huge = u64::MAX,
                negative = -1,
                ratio = 0.5,
                debug = ?["a", "b"],
                display = %format_args!("{}/{}", 3, 4),
                r#type = "word",
                task_id = "mine",
                "typed"
            );
        });
        info!(count = 3, name = "no message");
        Ok(())
    }
}

#[tokio::test]
async fn o_38_attributes_keep_their_types() {
    let here = here().await;
    let job = here.client.jobs().submit("typed", Typed).await.unwrap();
    here.runner().task::<Typed>().build().await.unwrap().run_all().await.unwrap();
    let records = here.logs(&job, 2).await;
    let added = ["task_id", "trace_id", "span_id"];
    let given: Vec<_> = records[0].attributes.iter().filter(|(key, _)| !added.contains(&key.as_str())).collect();
    let expected = [
        ("text", text("ünïcode \u{2603}")),
        ("empty", text("")),
        ("yes", AttributeValue::Bool(true)),
        ("big", AttributeValue::Integer(1 << 62)),
        ("huge", text("18446744073709551615")),
        ("negative", AttributeValue::Integer(-1)),
        ("ratio", AttributeValue::Double(0.5)),
        ("debug", text("[\"a\", \"b\"]")),
        ("display", text("3/4")),
        ("type", text("word")),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    assert_eq!(given, expected.iter().collect::<Vec<_>>());
    let task = here.client.jobs().tasks(&job).next().await.unwrap().unwrap();
    assert_eq!(attribute(&records[0].attributes, "task_id"), task.id.to_string(), "what finds the job counts more");
    assert_eq!(records[1].body, "count=3 name=no message");

    let spans = here.spans(&job, 3).await;
    let attributes = plain(&named(&spans, "typed").attributes);
    assert_eq!(
        attributes[1..],
        [
            ("yes".to_owned(), AttributeValue::Bool(true)),
            ("ratio".to_owned(), AttributeValue::Double(0.5)),
            ("later".to_owned(), text("now"))
        ]
    );
    here.server.stop().await.unwrap();
}

#[derive(Task)]
struct Recovers;

#[tracing::instrument(err)]
fn reads() -> Result<(), std::num::ParseIntError> {
    "x".parse::<u8>().map(drop)
}

impl Execute for Recovers {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        let Err(number) = reads() else { return Ok(()) };
        let outer = std::io::Error::other(number);
        error!(error = &outer as &dyn StdError, "caught one");
        Ok(())
    }
}

#[tokio::test]
async fn o_15_errors_carry_type_and_message() {
    let here = here().await;
    let job = here.client.jobs().submit("recovers", Recovers).await.unwrap();
    here.runner().task::<Recovers>().build().await.unwrap().run_all().await.unwrap();
    let records = here.logs(&job, 2).await;
    assert_eq!(records[0].body, "invalid digit found in string", "what instrument(err) says");
    let caught = &records[1];
    assert_eq!(
        (caught.body.as_str().unwrap_or_default(), attribute(&caught.attributes, "exception.type").as_str()),
        ("caught one", "std::io::Error")
    );
    assert_eq!(attribute(&caught.attributes, "exception.message"), "invalid digit found in string");

    // A function that returned an error failed; the task that went on did not.
    let spans = here.spans(&job, 3).await;
    let failed = ("STATUS_CODE_ERROR".to_owned(), "invalid digit found in string".to_owned());
    assert_eq!(status(named(&spans, "reads")), failed);
    assert_eq!(status(named(&spans, "task/Recovers")).0, "STATUS_CODE_UNSET");
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn o_19_levels_are_chosen() {
    let here = here_at("127.0.0.1:0", |builder| builder.export_levels("warn,telemetry::logs=debug")).await;
    let job = here.client.jobs().submit("loud", Loud).await.unwrap();
    here.runner().task::<Loud>().build().await.unwrap().run_all().await.unwrap();
    let bodies: Vec<_> = here.logs(&job, 4).await.into_iter().map(|log| log.body).collect();
    assert_eq!(bodies, ["not exported by default", "for information", "a warning", "an error"]);
    here.server.stop().await.unwrap();
}
