//! Why a command did not succeed, and the exit status that says so.

use std::io::Write as _;

use boxwood::{Code, Error};
use serde::Serialize;

use crate::output::{Output, Style, as_json, wrapped};
use crate::text::shown;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line asks for something that makes no sense, or that the server refuses as invalid.
    #[error("{0}")]
    Usage(String),
    /// What the command names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// No server answers.
    #[error("{0}")]
    Unreachable(String),
    /// The job that was waited for ended as FAILED or CANCELED (CLI-1).
    #[error("{0}")]
    NotCompleted(String),
    /// The job that was waited for stood still for too long.
    #[error("{0}")]
    Stalled(String),
    /// The server understood and will not do it as things are: the name is taken, or the right is missing.
    #[error("{0}")]
    Refused(String),
    /// Something went wrong on the way.
    #[error("{0}")]
    Other(String),
    /// The user had enough of waiting. What was waited for goes on.
    #[error("{0}")]
    Interrupted(String),
    /// Whoever read standard output has had enough, as `head` does. There is nothing to say about it.
    #[error("standard output was closed")]
    Closed,
}

/// The exit statuses, for the help text.
pub(crate) const EXIT_STATUSES: &str = "\
Exit status:
  0  success; of a job that was waited for: it is COMPLETED
  1  something went wrong
  2  the command line is wrong, or what it asks for is invalid
  3  there is no such job or cluster
  4  no server answers
  5  the job that was waited for ended as FAILED or CANCELED
  6  the job that was waited for stood still for longer than --stalled-timeout
  7  the server refuses it as things are, such as a slug that is taken
  130  interrupted";

/// The exit statuses with the words for them in JSON, for programs.
pub(crate) const KINDS: [(u8, &str, &str); 9] = [
    (0, "", "success; of a job that was waited for: it is COMPLETED"),
    (1, "failed", "something went wrong"),
    (2, "usage", "the command line is wrong, or what it asks for is invalid"),
    (3, "not_found", "there is no such thing"),
    (4, "unreachable", "no server answers"),
    (5, "not_completed", "the job that was waited for ended as FAILED or CANCELED"),
    (6, "stalled", "the job that was waited for stood still for longer than --stalled-timeout"),
    (7, "refused", "the server refuses it as things are, such as a slug that is taken"),
    (130, "interrupted", "Ctrl-C while waiting for a job, which goes on"),
];

/// A failure as JSON, for standard error.
#[derive(Serialize)]
struct FailureJson {
    /// What kind it is of.
    code: &'static str,
    message: String,
    exit_status: u8,
}

impl Failure {
    /// The exit status that goes with it; see [`EXIT_STATUSES`].
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Unreachable(_) => 4,
            Self::NotCompleted(_) => 5,
            Self::Stalled(_) => 6,
            Self::Refused(_) => 7,
            Self::Interrupted(_) => 130,
        }
    }

    /// The word for its kind in JSON; each has an exit status of its own.
    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Other(_) => "failed",
            Self::Usage(_) => "usage",
            Self::NotFound(_) => "not_found",
            Self::Unreachable(_) => "unreachable",
            Self::NotCompleted(_) => "not_completed",
            Self::Stalled(_) => "stalled",
            Self::Refused(_) => "refused",
            Self::Interrupted(_) => "interrupted",
        }
    }

    /// Says on standard error what went wrong: in words, or as one JSON value if that is what the command prints.
    pub(crate) fn tell(&self, json: bool) {
        if matches!(self, Self::Closed) {
            return;
        }
        // If nobody listens there is nobody to tell.
        let mut err = std::io::stderr();
        let _ = if json {
            let failure = FailureJson { code: self.code(), message: self.to_string(), exit_status: self.exit_status() };
            writeln!(err, "{}", as_json(&failure).unwrap_or_default())
        } else {
            let screen = Output::new(false).err;
            let text = wrapped(&format!("error: {self}"), screen);
            // What stands out comes last, so that it takes no columns.
            writeln!(err, "{}", text.replacen("error:", &screen.paint(Style::Bad, "error:"), 1))
        };
    }

    /// No server answers at `url`; `cause` is what the connection said, or empty.
    pub(crate) fn unreachable(url: &str, cause: &str) -> Self {
        let url = shown(url);
        // The system's own words ("Connection refused (os error 111)") are at the end of a chain of others.
        let cause = cause.rsplit(": ").next().unwrap_or_default();
        let cause = match cause.split(" (os error").next().unwrap_or_default() {
            "" => String::new(),
            cause => format!(" ({})", shown(&cause.to_lowercase())),
        };
        Self::Unreachable(format!(
            "no server answers at {url}{cause}; start one with `boxwood serve` or name another with --url"
        ))
    }

    /// The server refused a call, or failed in it.
    pub(crate) fn refused(call: &str, code: Code, message: &str, next_step: Option<&str>) -> Self {
        let message = shown(match code {
            // The server names the field of the request first; the command line has just one that can be meant.
            Code::NotFound => match message.split_once(": ") {
                Some((field, message)) if field.chars().all(|c| c.is_ascii_lowercase() || c == '_') => message,
                _ => message,
            },
            Code::InvalidArgument => message.strip_prefix("job_id: ").unwrap_or(message),
            _ => message,
        });
        let message = match next_step {
            Some(step) => format!("{message}; {step}"),
            None => message,
        };
        match code {
            Code::NotFound => Self::NotFound(message),
            Code::InvalidArgument | Code::OutOfRange => Self::Usage(message),
            Code::AlreadyExists | Code::FailedPrecondition | Code::PermissionDenied | Code::Unauthenticated => {
                Self::Refused(message)
            }
            _ => Self::Other(format!("{call}: {message} ({code})")),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unavailable { url, message, .. } => Self::unreachable(url, message),
            Error::Certificate { url, problem, .. } => {
                Self::Unreachable(shown(&format!("the certificate of {url} {problem}")))
            }
            Error::Refused { call, code, message, .. } => {
                let step = match code {
                    Code::NotFound if message.contains("job") => Some("`boxwood job list` shows those there are"),
                    Code::NotFound if message.contains("cluster") => {
                        Some("`boxwood cluster list` shows those there are")
                    }
                    _ => error.next_step(),
                };
                Self::refused(call, *code, message, step)
            }
            Error::Setting { setting, problem, .. } => {
                let option = match *setting {
                    "url" => "--url or BOXWOOD_URL",
                    "token" => "--api-key or BOXWOOD_API_KEY",
                    "ca_certificate" => "--ca-certificate or BOXWOOD_CA_CERTIFICATE",
                    other => other,
                };
                Self::Usage(shown(&format!("{option}: {problem}")))
            }
            _ if error.code() == Code::InvalidArgument => Self::Usage(shown(&error.to_string())),
            _ => Self::Other(shown(&error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cli_7_statuses_and_words_are_told_as_they_are() {
        let text = String::new;
        let failures = [
            Failure::Other(text()),
            Failure::Usage(text()),
            Failure::NotFound(text()),
            Failure::Unreachable(text()),
            Failure::NotCompleted(text()),
            Failure::Stalled(text()),
            Failure::Refused(text()),
            Failure::Interrupted(text()),
        ];
        let told: Vec<_> = KINDS[1..].iter().map(|(status, code, _)| (*status, *code)).collect();
        assert_eq!(failures.map(|failure| (failure.exit_status(), failure.code())), *told);
        for (status, _, _) in KINDS {
            assert!(EXIT_STATUSES.contains(&format!("\n  {status} ")), "{status}");
        }
    }

    #[test]
    fn an_unreachable_server_is_told_with_its_cause_and_what_to_do() {
        let cause = "transport error: tcp connect error: Connection refused (os error 111)";
        let text = Failure::unreachable("http://127.0.0.1:1", cause).to_string();
        let expected = "no server answers at http://127.0.0.1:1 (connection refused); \
                        start one with `boxwood serve` or name another with --url";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_the_server_says_cannot_drive_the_terminal() {
        let failure = Failure::refused("find job", Code::Internal, "oh \x1b[2Jno", None);
        assert_eq!(failure.to_string(), "find job: oh \\x1b[2Jno (internal)");
        assert_eq!(failure.exit_status(), 1);
    }
}
