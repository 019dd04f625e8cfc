//! What a task is, and how its input is written (T-1, T-20 to T-33).

use std::future::Future;

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
/// | `display = "Tile {x}/{y}"` | text shown for the task (T-40); see below | name of the struct |
/// | `input = "object"` | the input is a JSON object of all fields, as the Go SDK writes it (T-28) | this |
/// | `input = "value"` | the input is the JSON of the only field, as the Python SDK writes it (T-21) | `"object"` |
/// | `input = "prost"` | the input is the encoding of the only field, a message of `prost` (T-22, T-29) | `"object"` |
/// | `input = "buffa"` | the same for a message of `buffa` | `"object"` |
/// | `crate = "bw"` | where this crate is found, if it was renamed or is reached through another one | `::boxwood` |
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
///
/// # Inputs
///
/// With `"object"` the struct derives serde's `Serialize` and `Deserialize`, so that all attributes of serde apply:
/// unknown keys are ignored, `#[serde(default)]` supplies missing ones, a missing `Option` is `None` (T-27). With
/// `"value"` only the type of the field needs them. An input has at most 2048 bytes (T-31); larger data goes into the
/// [job cache](crate::ExecutionContext::job_cache).
///
/// A struct without fields has an input of zero bytes, and `{}` with `input = "object"`, which Go needs; it accepts any
/// bytes back (T-20, T-28).
///
/// The limits are those of `serde_json`: keys of maps are texts, numbers or enums without data, and NaN and infinite
/// numbers are written as `null`, which only an `Option` reads back. Bytes (`Vec<u8>`) become a list of numbers.
///
/// Two words name the protobuf libraries, since a message of either is a type like any other: what encodes it has to be
/// said. The crate named by the word must be among your dependencies; this one uses neither for it.
///
/// ```
/// # mod acme {
/// #     #[derive(Clone, PartialEq, prost::Message)]
/// #     pub struct SceneRequest { #[prost(string, tag = "1")] pub scene: String }
/// # }
/// // In Python: a task with the only field `request: SceneRequest`. In Go: a task that is a SceneRequest.
/// #[derive(boxwood::Task)]
/// #[task(name = "acme.Download", version = "v1.0", input = "prost")]
/// struct Download {
///     request: acme::SceneRequest,
/// }
/// ```
///
/// # Display
///
/// The display is a text for `format!`: fields are written by name, with widths and precisions as usual
/// (`"{name} at {scale:.1}"`), and the field of a newtype as `{0}`. Anything else is for
/// [`set_display`](crate::ExecutionContext::set_display). At most 1024 characters are kept (T-43).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "add `#[derive(boxwood::Task)]` to it, or use `RawTask` for a task whose code is elsewhere"
)]
pub trait Task: Sized + Send + 'static {
    /// Which code this is, in which version.
    fn identifier() -> TaskIdentifier;

    /// The text shown for the task until it says otherwise (T-40, T-41).
    fn display(&self) -> String;

    /// The input as bytes.
    ///
    /// # Errors
    /// [`Error::Input`], naming the field, if one cannot be written as JSON.
    fn to_input(&self) -> Result<Vec<u8>, Error>;

    /// The task made anew from its input (T-7).
    ///
    /// # Errors
    /// [`Error::Input`], naming the field and the position, if the bytes do not fit (T-27).
    fn from_input(input: &[u8]) -> Result<Self, Error>;
}

/// A task that a [`Runner`](crate::Runner) can execute.
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Task, Serialize, Deserialize)]
/// struct Parse {
///     number: String,
/// }
///
/// impl Execute for Parse {
///     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
///         let number: u32 = self.number.parse()?;
///         context.set_display(format!("Parse {number}"));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be executed",
    label = "has no `execute`",
    note = "write `impl boxwood::Execute for {Self}` with \
            `async fn execute(self, context: &ExecutionContext) -> boxwood::Result`",
    note = "it must be a task too: a struct with `#[derive(boxwood::Task)]`"
)]
pub trait Execute: Task {
    /// Does the work. Called once for each execution, on a task made from its input (T-7); it may be called again for
    /// the same task, also after it succeeded elsewhere, and must bear that (T-9).
    ///
    /// An error or a panic is a workflow error (R-60): the task is retried while it has retries left (T-110), and none of
    /// the sub-tasks it submitted exist (T-71). `?` takes any error, also those of `anyhow` and the like, and `.into()`
    /// makes one of a text. Panics are caught by unwinding, so a program that is built with `panic = "abort"` ends with the
    /// first one; its tasks are then queued again when their leases expire (R-35).
    fn execute(self, context: &ExecutionContext) -> impl Future<Output = Result<()>> + Send;

    /// The types of runner state without which this task cannot be executed (R-74). A runner that was not given all of
    /// them is refused by [`build`](crate::RunnerBuilder::build), instead of failing its tasks. None, unless written;
    /// [`ExecutionContext::state`] shows how.
    fn required_state() -> Vec<StateType> {
        Vec::new()
    }
}

/// What can be submitted: every [`Task`], [`RawTask`](crate::RawTask), and a [`Submission`] made of one of them.
///
/// Write it for an enum of tasks, to submit several kinds together:
///
/// ```
/// # use boxwood::{Error, Submission, Submit, Task};
/// # #[derive(Task)]
/// # struct Download;
/// # #[derive(Task)]
/// # struct Resample;
/// enum Step {
///     Download(Download),
///     Resample(Resample),
/// }
///
/// impl Submit for Step {
///     fn into_submission(self) -> Result<Submission, Error> {
///         match self {
///             Self::Download(task) => task.into_submission(),
///             Self::Resample(task) => task.into_submission(),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be submitted",
    label = "not a task",
    note = "add `#[derive(boxwood::Task)]` to it, or use `RawTask` for a task whose code is elsewhere",
    note = "several tasks are submitted together by `submit_subtasks`, or by `.tasks(…)` after `submit`"
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

/// A task as it is submitted: identifier, input bytes and display text (T-1). Made by [`Submit::into_submission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub(crate) identifier: TaskIdentifier,
    pub(crate) input: Vec<u8>,
    pub(crate) display: String,
}

impl Submission {
    pub(crate) fn new(identifier: TaskIdentifier, input: Vec<u8>, display: String) -> Result<Self, Error> {
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

impl Submit for Submission {
    fn into_submission(self) -> Result<Submission, Error> {
        Ok(self)
    }
}
