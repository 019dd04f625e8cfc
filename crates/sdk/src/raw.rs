//! Tasks whose code is elsewhere.

use serde::Serialize;

use crate::input::to_json;
use crate::{Error, Submission, Submit, TaskIdentifier};

/// A task whose code is elsewhere, for example in Python or Go, named by its identifier; the Rust program need not have
/// a type for it.
///
/// It is submitted wherever a [`Task`](crate::Task) is: as the root of a job, or as a sub-task with all options. What
/// the other side reads is up to its SDK:
///
/// | the task is | its input is | write |
/// | --- | --- | --- |
/// | a Python task without fields | ignored (T-20) | nothing |
/// | a Python task of one field | the JSON of that field alone (T-21) | `.json(&value)` |
/// | a Python task of one protobuf message | the encoding of the message (T-22) | `.input(message.encode_to_vec())` |
/// | a Python task of several fields | a JSON object (T-23) | `.json(&object)` |
/// | a Go struct, also without fields | a JSON object (T-28) | `.json(&object)`, or `.input("{}")` |
/// | a Go protobuf message | the encoding of the message (T-29) | `.input(message.encode_to_vec())` |
/// | a Rust task | by default a JSON object | `.json(&object)` |
///
/// ```
/// # use boxwood::{ExecutionContext, RawTask};
/// # use serde_json::json;
/// # async fn execute(context: &ExecutionContext) -> boxwood::Result {
/// // class Download(Task):          identifier "Download", version "v0.0" unless it says otherwise (T-51)
/// //     scenes: list[str]
/// let download = RawTask::new("Download", "v0.0")?.json(&["S2A", "S2B"])?;
///
/// // type Tile struct { X, Y int }  with the identifier ("acme.Tile", "v1.0")
/// let tile = RawTask::new("acme.Tile", "v1.0")?.json(&json!({ "X": 3, "Y": 4 }))?.display("Tile 3/4");
///
/// let download = context.submit_subtask(download).max_retries(3);
/// context.submit_subtask(tile).depends_on(download).cluster("gpu");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTask {
    identifier: TaskIdentifier,
    input: Vec<u8>,
    display: Option<String>,
}

impl RawTask {
    /// The task `name` in `version` (`v<major>.<minor>`), with an input of zero bytes.
    ///
    /// # Errors
    /// [`Error::Identifier`] if the name or the version is malformed (T-50).
    pub fn new(name: impl Into<String>, version: &str) -> Result<Self, Error> {
        TaskIdentifier::new(name, version).map(Self::from)
    }

    /// Sets the input to these very bytes; the runner gets them as they are (T-33).
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets the input to the compact JSON of `value`.
    ///
    /// # Errors
    /// [`Error::Input`] if `value` cannot be written as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        self.input = to_json(self.identifier.name(), "", value)?;
        Ok(self)
    }

    /// Sets the text shown for the task; without one, or with an empty one, it is the name of the identifier (T-40).
    pub fn display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }
}

impl From<TaskIdentifier> for RawTask {
    /// The task with this identifier and an input of zero bytes.
    fn from(identifier: TaskIdentifier) -> Self {
        Self { identifier, input: Vec::new(), display: None }
    }
}

impl Submit for RawTask {
    fn into_submission(self) -> Result<Submission, Error> {
        Submission::new(self.identifier, self.input, self.display.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn submission(task: RawTask) -> Submission {
        task.into_submission().unwrap()
    }

    #[test]
    fn t_21_to_t_29_the_input_is_what_the_other_side_reads() {
        let task = || RawTask::new("Download", "v0.0").unwrap();
        assert_eq!(submission(task()).input, b"");
        assert_eq!(submission(task().json("S2A").unwrap()).input, br#""S2A""#);
        assert_eq!(submission(task().json(&["S2A", "S2B"]).unwrap()).input, br#"["S2A","S2B"]"#);
        assert_eq!(submission(task().json(&BTreeMap::from([("X", 3)])).unwrap()).input, br#"{"X":3}"#);
        assert_eq!(submission(task().input("{}")).input, b"{}");
        assert_eq!(submission(task().input(*b"\x08\x01")).input, b"\x08\x01");
        let text = task().json(&[BTreeMap::from([([1, 2], 3)])]).unwrap_err().to_string();
        assert_eq!(text, "input of task Download: field `[0]`: cannot be written as JSON: key must be a string");
    }

    #[test]
    fn t_40_the_display_is_the_name_unless_there_is_another() {
        let task = RawTask::from(TaskIdentifier::new("acme.Tile", "v1.0").unwrap());
        assert_eq!(submission(task.clone()).display, "acme.Tile");
        assert_eq!(submission(task.clone().display("")).display, "acme.Tile");
        assert_eq!(submission(task.display("Tile 3/4")).display, "Tile 3/4");
    }

    #[test]
    fn t_50_what_is_no_identifier_is_said_at_once() {
        for (name, version) in [("", "v1.0"), ("Tile", "1.0")] {
            assert!(matches!(RawTask::new(name, version), Err(Error::Identifier { .. })));
        }
    }
}
