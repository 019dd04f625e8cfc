//! What a task is, and how its input is written (T-1, T-20 to T-33).

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, ExecutionContext, Result, StateType, TaskIdentifier};

/// The longest input of one task, in bytes (T-31, LM-2).
pub const INPUT_BYTES_MAX: usize = 2048;

/// A task that can be submitted: usually a struct with `#[derive(Task)]`.
///
/// The derive macro takes these options in `#[task(…)]`:
///
/// | option | meaning | without it |
/// | --- | --- | --- |
/// | `name = "acme.Mosaic"` | name of the identifier, 1 to 256 bytes (T-50) | name of the struct (T-51) |
/// | `version = "v1.3"` | version of the identifier (T-50) | `v0.0` (T-51) |
/// | `display = "Tile {x}/{y}"` | text shown for the task; named fields can be used as in `format!` (T-40) | name of the struct |
/// | `input = "object"` | the input is a JSON object of all fields, as the Go SDK writes it (T-28) | this |
/// | `input = "value"` | the input is the JSON of the only field, as the Python SDK writes it (T-21) | `"object"` |
///
/// A struct without fields has an input of zero bytes and accepts any bytes back (T-20). Fields need `Serialize` and
/// `Deserialize`; with `input = "object"` the struct derives both itself, so that serde's attributes apply: unknown keys
/// are ignored, and `#[serde(default)]` supplies missing ones (T-27).
///
/// ```
/// use boxwood::Task;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Task, Serialize, Deserialize)]
/// #[task(name = "acme.Tile", version = "v1.0", display = "Tile {x}/{y}")]
/// struct Tile {
///     x: u32,
///     y: u32,
/// }
///
/// let tile = Tile { x: 3, y: 4 };
/// assert_eq!(Tile::identifier().to_string(), "acme.Tile v1.0");
/// assert_eq!(tile.display(), "Tile 3/4");
/// assert_eq!(tile.to_input()?, br#"{"x":3,"y":4}"#);
/// # Ok::<(), boxwood::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "add `#[derive(boxwood::Task)]` to it, or use `RawTask` for a task whose code is elsewhere"
)]
pub trait Task: Sized + Send + 'static {
    /// Which code this is, in which version.
    fn identifier() -> TaskIdentifier;

    /// The text shown for the task until it says otherwise (T-40, T-41).
    fn display(&self) -> String;

    /// The input as bytes (T-28, or T-21 on request).
    ///
    /// # Errors
    /// [`Error::Input`] if a field cannot be written as JSON.
    fn to_input(&self) -> Result<Vec<u8>, Error>;

    /// The task made anew from its input (T-7).
    ///
    /// # Errors
    /// [`Error::Input`] if the bytes do not fit the fields (T-27).
    fn from_input(input: &[u8]) -> Result<Self, Error>;
}

/// A task that a [`Runner`](crate::Runner) can execute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can be submitted, but not executed",
    note = "write `impl boxwood::Execute for {Self}` with `async fn execute(self, context: &ExecutionContext) -> boxwood::Result`"
)]
pub trait Execute: Task {
    /// Does the work. Called once for each execution, on a task made from its input (T-7); it may be called again for the
    /// same task, also after it succeeded elsewhere, and must bear that (T-9).
    ///
    /// An error or a panic is a workflow error (R-60): the task is retried while it has retries left (T-110), and none of
    /// the sub-tasks it submitted exist (T-71). Panics are caught by unwinding, so a program that is built with
    /// `panic = "abort"` ends with the first one; its tasks are then queued again when their leases expire (R-35).
    fn execute(self, context: &ExecutionContext) -> impl Future<Output = Result<()>> + Send;

    /// The types of runner state without which this task cannot be executed (R-74). A runner that was not given all of
    /// them is refused by [`build`](crate::RunnerBuilder::build), instead of failing its tasks. None, unless written;
    /// [`ExecutionContext::state`] shows how.
    fn required_state() -> Vec<StateType> {
        Vec::new()
    }
}

/// What can be submitted: every [`Task`], and [`RawTask`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be submitted",
    note = "add `#[derive(boxwood::Task)]` to it, or use `RawTask` for a task whose code is elsewhere"
)]
pub trait Submit {
    /// What the server is told of the task (T-1).
    ///
    /// # Errors
    /// [`Error::Input`] if the input cannot be written or is longer than 2048 bytes (T-31).
    fn into_submission(self) -> Result<Submission, Error>;
}

impl<T: Task> Submit for T {
    fn into_submission(self) -> Result<Submission, Error> {
        Submission::new(T::identifier(), self.to_input()?, self.display())
    }
}

/// A task as it is submitted: identifier, input bytes and display text (T-1).
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) identifier: TaskIdentifier,
    pub(crate) input: Vec<u8>,
    pub(crate) display: String,
}

impl Submission {
    fn new(identifier: TaskIdentifier, input: Vec<u8>, display: String) -> Result<Self, Error> {
        if input.len() > INPUT_BYTES_MAX {
            return Err(Error::Input {
                task: identifier.name().to_owned(),
                problem: format!(
                    "{} bytes, at most {INPUT_BYTES_MAX} are allowed; put the data into the job cache and pass its key",
                    input.len()
                ),
            });
        }
        // An empty display is refused by the server (LM-6).
        let display = if display.is_empty() { identifier.name().to_owned() } else { display };
        Ok(Self { identifier, input, display })
    }
}

/// A task whose code is elsewhere, for example in Python, named by its identifier.
///
/// ```
/// use boxwood::RawTask;
///
/// // A Python task with the only field `scenes: list[str]` takes the bare list (T-21).
/// let mosaic = RawTask::new("acme.Mosaic", "v1.3")?.json(&["S2A", "S2B"])?;
/// // A Go task, or a Python task of several fields, takes an object (T-23, T-28).
/// let tile = RawTask::new("acme.Tile", "v1.0")?.json(&serde_json::json!({ "x": 3, "y": 4 }))?;
/// # Ok::<(), boxwood::Error>(())
/// ```
#[derive(Debug, Clone)]
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
        Ok(Self { identifier: TaskIdentifier::new(name, version)?, input: Vec::new(), display: None })
    }

    /// Sets the input to these very bytes.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets the input to the compact JSON of `value`.
    ///
    /// # Errors
    /// [`Error::Input`] if `value` cannot be written as JSON.
    pub fn json(mut self, value: &impl Serialize) -> Result<Self, Error> {
        self.input = to_json(self.identifier.name(), value)?;
        Ok(self)
    }

    /// Sets the text shown for the task; without one it is the name of the identifier.
    pub fn display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }
}

impl Submit for RawTask {
    fn into_submission(self) -> Result<Submission, Error> {
        Submission::new(self.identifier, self.input, self.display.unwrap_or_default())
    }
}

/// The compact JSON of `value`, the input of `task`.
#[doc(hidden)]
pub fn to_json<V: Serialize + ?Sized>(task: &str, value: &V) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value)
        .map_err(|error| Error::Input { task: task.to_owned(), problem: format!("cannot be written as JSON: {error}") })
}

/// The value whose JSON is the input of `task`.
#[doc(hidden)]
pub fn from_json<V: DeserializeOwned>(task: &str, input: &[u8]) -> Result<V, Error> {
    serde_json::from_slice(input).map_err(|error| Error::Input {
        task: task.to_owned(),
        problem: format!("does not fit the fields of the task: {error}"),
    })
}
