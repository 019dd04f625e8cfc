//! How the input of a task is written and read (T-20 to T-29): what the derive macro calls, and
//! [`RawTask`](crate::RawTask).
//!
//! When something goes wrong, the work is done once more with an eye on the path, so that the error can name the field;
//! what goes well pays nothing for it.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Track};

use crate::Error;

/// What can be written as JSON. Only there for the words of the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as the input of a task: it does not implement `serde::Serialize`",
    label = "cannot be written as JSON",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`",
    note = "a struct of one field can do without: `#[task(input = \"value\")]` writes the field alone"
)]
pub trait WriteJson {
    /// The compact JSON of an object with all fields, the input of `task` (T-23, T-28).
    ///
    /// # Errors
    /// [`Error::Input`] with the field that cannot be written.
    fn write_object(&self, task: &str) -> Result<Vec<u8>, Error>;

    /// The compact JSON of this value, the only `field` of `task` (T-21).
    ///
    /// # Errors
    /// [`Error::Input`] with the field that cannot be written.
    fn write_value(&self, task: &str, field: &str) -> Result<Vec<u8>, Error>;
}

impl<V: Serialize> WriteJson for V {
    fn write_object(&self, task: &str) -> Result<Vec<u8>, Error> {
        to_json(task, "", self)
    }

    fn write_value(&self, task: &str, field: &str) -> Result<Vec<u8>, Error> {
        to_json(task, field, self)
    }
}

/// What can be read from JSON. Only there for the words of the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the input of a task: it does not implement `serde::Deserialize`",
    label = "cannot be read from JSON",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`; it must own its data",
    note = "a struct of one field can do without: `#[task(input = \"value\")]` reads the field alone"
)]
pub trait ReadJson: Sized {
    /// The task whose JSON object is the input of `task`.
    ///
    /// # Errors
    /// [`Error::Input`] with the field that does not fit, and the position in the input (T-27).
    fn read_object(task: &str, input: &[u8]) -> Result<Self, Error>;

    /// The only `field` of `task`, whose JSON is the input.
    ///
    /// # Errors
    /// [`Error::Input`] with the field that does not fit, and the position in the input (T-27).
    fn read_value(task: &str, field: &str, input: &[u8]) -> Result<Self, Error>;
}

impl<V: DeserializeOwned> ReadJson for V {
    fn read_object(task: &str, input: &[u8]) -> Result<Self, Error> {
        let is_object = input.trim_ascii_start().first() == Some(&b'{');
        let hint = match is_object {
            true => "",
            false => {
                "; this is no object: what is a single value, as a Python task of one field is written, is read by a \
                      struct of one field with `#[task(input = \"value\")]`"
            }
        };
        from_json(task, "", hint, input)
    }

    fn read_value(task: &str, field: &str, input: &[u8]) -> Result<Self, Error> {
        from_json(task, field, "", input)
    }
}

/// The compact JSON of `value`, the input of `task`.
pub(crate) fn to_json<V: Serialize + ?Sized>(task: &str, field: &str, value: &V) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|problem| {
        let mut track = Track::new();
        let mut json = serde_json::Serializer::new(std::io::sink());
        // It fails as it did before, or else the value has changed meanwhile.
        let _ = value.serialize(serde_path_to_error::Serializer::new(&mut json, &mut track));
        Error::input(task, format_args!("{}cannot be written as JSON: {problem}", place(field, &track.path())))
    })
}

fn from_json<V: DeserializeOwned>(task: &str, field: &str, hint: &str, input: &[u8]) -> Result<V, Error> {
    serde_json::from_slice(input).map_err(|problem| {
        if input.is_empty() {
            return Error::input(task, "it has zero bytes, and the fields of the task need JSON");
        }
        let mut json = serde_json::Deserializer::from_slice(input);
        let found = serde_path_to_error::deserialize::<_, V>(&mut json);
        let place = found.err().map(|error| place(field, error.path())).unwrap_or_default();
        let text = problem.to_string();
        let hint = match text.starts_with("invalid type: null, expected f") {
            true => "; NaN and infinite numbers are written as null, which an Option reads",
            false => hint,
        };
        Error::input(task, format_args!("{place}{text}{hint}"))
    })
}

/// Where in the input something is, as the beginning of a sentence; nothing for the whole of it.
fn place(field: &str, path: &Path) -> String {
    let path = match path.to_string() {
        // So a path is written that leads nowhere, or that ends before a name.
        path if path == "." || path == "?" => String::new(),
        path => path,
    };
    match (field, path.as_str()) {
        ("", "") => String::new(),
        ("", path) => format!("field `{path}`: "),
        (field, "") => format!("field `{field}`: "),
        (field, path) if path.starts_with('[') => format!("field `{field}{path}`: "),
        (field, path) => format!("field `{field}.{path}`: "),
    }
}

/// The error of an input that is no encoding of the message in `field` (T-22, T-29).
pub fn not_a_message(task: &str, field: &str, problem: impl Display) -> Error {
    Error::input(task, format_args!("field `{field}`: the bytes are no encoding of its message: {problem}"))
}
