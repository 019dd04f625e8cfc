//! Task identifiers: which code a task is, in which version (T-50 to T-62).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use boxwood_proto::workflows::v1 as wire;

use crate::Error;

/// The longest name of a task, in bytes (LM-8).
pub const NAME_BYTES_MAX: usize = 256;

/// The version of a task, written `v<major>.<minor>` (T-50). Versions compare as numbers (T-60).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// Changes when old submissions can no longer be executed.
    pub major: u64,
    /// Changes when new code still executes old submissions.
    pub minor: u64,
}

impl Version {
    /// Version `v<major>.<minor>`.
    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten()
        };
        text.strip_prefix('v')
            .and_then(|rest| rest.split_once('.'))
            .and_then(|(major, minor)| Some(Self { major: number(major)?, minor: number(minor)? }))
            .ok_or_else(|| Error::Identifier {
                problem: format!("version {text:?} is not of the form v<major>.<minor>, such as v1.3"),
            })
    }
}

/// Names the code of a task: a name and a version (T-50).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIdentifier {
    name: Cow<'static, str>,
    version: Version,
}

impl TaskIdentifier {
    /// The identifier `name` in `version`, for example `"acme.Mosaic"` in `"v1.3"`.
    ///
    /// # Errors
    /// [`Error::Identifier`] if the name is empty or longer than 256 bytes, or the version is not of the form
    /// `v<major>.<minor>` (T-50).
    pub fn new(name: impl Into<String>, version: &str) -> Result<Self, Error> {
        let name = name.into();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Error::Identifier {
                problem: format!("the name has {} bytes, allowed are 1 to {NAME_BYTES_MAX}", name.len()),
            });
        }
        Ok(Self { name: name.into(), version: version.parse()? })
    }

    /// What the derive macro calls, which has checked the name.
    #[doc(hidden)]
    pub const fn checked(name: &'static str, major: u64, minor: u64) -> Self {
        Self { name: Cow::Borrowed(name), version: Version::new(major, minor) }
    }

    /// The name, 1 to 256 bytes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn to_wire(&self) -> wire::TaskIdentifier {
        wire::TaskIdentifier { name: self.name.to_string(), version: self.version.to_string(), ..Default::default() }
    }
}

impl fmt::Display for TaskIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_50_versions_are_two_numbers_after_a_v() {
        assert_eq!("v1.10".parse::<Version>().unwrap(), Version::new(1, 10));
        assert_eq!(Version::new(0, 0).to_string(), "v0.0");
        for text in [
            "",
            "1.0",
            "v1",
            "v1.",
            "v.1",
            "v1.0.0",
            "v-1.0",
            "v+1.0",
            "v1.x",
            "V1.0",
            "v1.0 ",
            "v1.99999999999999999999",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn t_60_versions_compare_as_numbers() {
        assert!("v1.10".parse::<Version>().unwrap() > "v1.9".parse().unwrap());
    }

    #[test]
    fn t_50_names_have_1_to_256_bytes() {
        assert!(TaskIdentifier::new("a".repeat(256), "v1.0").is_ok());
        assert!(TaskIdentifier::new("ä".repeat(129), "v1.0").is_err());
        assert!(TaskIdentifier::new("", "v1.0").is_err());
    }
}
