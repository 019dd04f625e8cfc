//! Errors as telemetry describes them: type, message and what lies behind (O-12, O-15).

use std::error::Error as StdError;

/// What kind of error it is.
#[cfg(feature = "telemetry")]
pub(crate) const TYPE: &str = "exception.type";
/// What the error says.
#[cfg(feature = "telemetry")]
pub(crate) const MESSAGE: &str = "exception.message";
/// The error and its causes, each on a line. Errors of Rust carry no stack.
#[cfg(feature = "telemetry")]
pub(crate) const STACKTRACE: &str = "exception.stacktrace";

/// What stands between an error and its cause.
pub(crate) const CAUSED_BY: &str = "\ncaused by: ";

/// The most causes that are told; an error may be its own cause.
const CAUSES_MAX: usize = 32;

/// The attributes of an error, as far as they are known.
#[cfg(feature = "telemetry")]
pub(crate) fn attributes(error: &(dyn StdError + 'static)) -> impl Iterator<Item = (&'static str, String)> {
    let kind = type_of(error).map(|kind| (TYPE, kind.to_owned()));
    let causes = causes(error).map(|causes| (STACKTRACE, causes));
    [kind, Some((MESSAGE, error.to_string())), causes].into_iter().flatten()
}

/// The type of an error, for those that many programs have. Others do not tell theirs.
pub(crate) fn type_of(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    macro_rules! known {
        ($($name:ty),* $(,)?) => {
            $(if error.is::<$name>() { return Some(stringify!($name)) })*
        };
    }
    if error.is::<crate::Error>() {
        return Some("boxwood::Error");
    }
    known!(
        std::io::Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::fmt::Error,
        std::time::SystemTimeError,
        serde_json::Error,
        tokio::task::JoinError,
        tokio::time::error::Elapsed,
    );
    None
}

/// The error and its causes, each on a line; none if it has no cause.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = error.source()?;
    let mut text = error.to_string();
    for _ in 0..CAUSES_MAX {
        text.push_str(CAUSED_BY);
        text.push_str(&cause.to_string());
        match cause.source() {
            Some(next) => cause = next,
            None => break,
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_15_an_error_tells_type_and_causes_where_it_can() {
        let number = "x".parse::<u8>().unwrap_err();
        assert_eq!((type_of(&number), causes(&number)), (Some("std::num::ParseIntError"), None));
        let other = std::io::Error::other(number);
        assert_eq!(type_of(&other), Some("std::io::Error"));
        let outer = crate::Error::Cache { problem: "cannot read \"a\"".to_owned(), source: Some(Box::new(other)) };
        assert_eq!(type_of(&outer), Some("boxwood::Error"));
        let causes = causes(&outer).unwrap();
        assert_eq!(causes, "cache: cannot read \"a\"\ncaused by: invalid digit found in string");
        assert_eq!(type_of(crate::BoxError::from("a text").as_ref()), None);
    }
}
