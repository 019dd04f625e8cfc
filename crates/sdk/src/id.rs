//! Identifiers as users see them: 16 bytes, written as a UUID.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use boxwood_proto::tilebox::v1::ID;

use crate::Error;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("identifier: {text:?} is not a UUID; copy one from the console or from `boxwood job list`")]
pub struct ParseIdError {
    text: String,
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    let hyphenated = text.len() == 36;
    if !(hyphenated || text.len() == 32) || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    let mut digits = 0;
    for (position, character) in text.chars().enumerate() {
        if hyphenated && hyphens.contains(&position) {
            if character != '-' {
                return None;
            }
            continue;
        }
        let value = u8::try_from(character.to_digit(16)?).ok()?;
        bytes[digits / 2] = bytes[digits / 2] << 4 | value;
        digits += 1;
    }
    Some(bytes)
}

fn write(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(nibble.into(), 16).expect("a nibble is a hexadecimal digit"));
        }
    }
    f.pad(&text)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier made of these 16 bytes, most significant first.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// When the thing was created, to the millisecond: the first 48 bits (N-9).
            pub fn created_at(&self) -> SystemTime {
                let millis = self.0[..6].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
                SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
            }

            /// As it travels.
            #[allow(dead_code, reason = "not every identifier travels both ways")]
            pub(crate) fn to_wire(self) -> ID {
                ID { uuid: self.0.to_vec(), ..Default::default() }
            }

            /// From an answer, where it must be present (N-8).
            #[allow(dead_code, reason = "not every identifier travels both ways")]
            pub(crate) fn from_wire(call: &'static str, id: &ID) -> Result<Self, Error> {
                Self::from_wire_optional(id).ok_or_else(|| {
                    Error::answer(call, format!("{} has {} bytes instead of 16", $what, id.uuid.len()))
                })
            }

            /// From an answer, where it may be absent; the zero identifier counts as absent.
            pub(crate) fn from_wire_optional(id: &ID) -> Option<Self> {
                let bytes: [u8; 16] = id.uuid.as_slice().try_into().ok()?;
                (bytes != [0; 16]).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text).map(Self).ok_or_else(|| ParseIdError { text: text.to_owned() })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// Names a job. Written as a UUID; ordered by time of submission (N-9).
    JobId, "the id of the job"
}
id! {
    /// Names a task. Written as a UUID; ordered by time of submission (N-9).
    TaskId, "the id of the task"
}
id! {
    /// Names an automation. Written as a UUID.
    AutomationId, "the id of the automation"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_8_written_and_read_back() {
        let text = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        let id: JobId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(text.replace('-', "").parse::<JobId>().unwrap(), id);
        assert_eq!(text.to_uppercase().parse::<JobId>().unwrap(), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("{text:?}"));
    }

    #[test]
    fn n_8_what_is_no_uuid_is_refused() {
        for text in [
            "",
            "job",
            "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5",
            "0190a1b2xc3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "é".repeat(16).as_str(),
        ] {
            assert!(text.parse::<TaskId>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn n_9_the_time_is_in_the_first_48_bits() {
        let mut bytes = [0xff; 16];
        bytes[..6].copy_from_slice(&1_700_000_000_123_u64.to_be_bytes()[2..]);
        let expected = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(JobId::from_bytes(bytes).created_at(), expected);
    }
}
