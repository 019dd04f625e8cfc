//! Names of things: ids on the wire, keys in the store.
//!
//! An *id* is the 16-byte UUID clients see. A *key* is the small number the store gives the same thing; keys order jobs
//! and tasks by the moment they were stored, and the tasks of one submission have consecutive keys and consecutive ids.

use std::fmt;

use crate::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// Reads an id from its 16 bytes; `None` for another length or all zeros (N-8).
            #[must_use]
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; 16] = bytes.try_into().ok()?;
                Self::from_u128(u128::from_be_bytes(bytes))
            }

            /// Makes an id from its number; `None` for zero (N-8).
            #[must_use]
            pub fn from_u128(value: u128) -> Option<Self> {
                (value != 0).then_some(Self(value))
            }

            /// The 16 bytes of the id, most significant first.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The id as one number; numbers order as bytes do (J-44).
            #[must_use]
            pub fn to_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                let n = self.0;
                write!(
                    out,
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    (n >> 96) as u32,
                    (n >> 80) as u16,
                    (n >> 64) as u16,
                    (n >> 48) as u16,
                    n & 0xffff_ffff_ffff
                )
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{self}")
            }
        }
    };
}

id! {
    /// A job, on the wire.
    JobId
}
id! {
    /// A task, on the wire.
    TaskId
}
id! {
    /// An automation, on the wire.
    AutomationId
}

/// A UUID of version 7: 48 bits of Unix milliseconds, then version, variant and 74 of the `random` bits (N-9).
#[must_use]
pub fn uuid_v7(now: Timestamp, random: u128) -> u128 {
    let milliseconds = u128::from(u64::try_from(now.0.div_euclid(1000)).unwrap_or(0) & 0xffff_ffff_ffff);
    let random_a = (random >> 62) & 0xfff;
    let random_b = random & ((1 << 62) - 1);
    (milliseconds << 80) | (0x7 << 76) | (random_a << 64) | (0b10 << 62) | random_b
}

impl TaskId {
    /// The id of the task `count` places later in the same submission.
    #[must_use]
    pub fn offset(self, count: u64) -> Self {
        Self(self.0.wrapping_add(u128::from(count)))
    }

    /// How many places `self` comes after `first`; `None` if it comes before, or too far after to be of one submission.
    #[must_use]
    pub fn places_after(self, first: Self) -> Option<u64> {
        self.0.checked_sub(first.0).and_then(|distance| u64::try_from(distance).ok())
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}

key! {
    /// A job in the store; older jobs have smaller keys.
    JobKey
}
key! {
    /// A task in the store; within a job, tasks submitted earlier have smaller keys.
    TaskKey
}
key! {
    /// A group of tasks in the store: the key of its first task.
    GroupKey
}
key! {
    /// A class of tasks in the store: those of one cluster and one identifier, see [`crate::Class`].
    ClassKey
}

impl TaskKey {
    /// The key of the task `count` places later in the same submission.
    #[must_use]
    pub fn offset(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

impl GroupKey {
    /// The key of the group's first task.
    #[must_use]
    pub fn first_task(self) -> TaskKey {
        TaskKey(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_8_zero_and_other_lengths_are_no_ids() {
        assert_eq!(JobId::from_bytes(&[0; 16]), None);
        assert_eq!(JobId::from_bytes(&[1; 15]), None);
        assert_eq!(JobId::from_bytes(&[1; 17]), None);
        let id = JobId::from_bytes(&[1; 16]).expect("16 bytes, not zero");
        assert_eq!(id.to_bytes(), [1; 16]);
        assert_eq!(id.to_string(), "01010101-0101-0101-0101-010101010101");
    }

    #[test]
    fn n_9_ids_carry_milliseconds_version_variant_and_otherwise_random_bits() {
        let now = Timestamp(0x0123_4567_89ab * 1000 + 999);
        let text = |random| JobId::from_u128(uuid_v7(now, random)).expect("not zero").to_string();
        assert_eq!(text(0), "01234567-89ab-7000-8000-000000000000");
        assert_eq!(text(u128::MAX), "01234567-89ab-7fff-bfff-ffffffffffff");
        // The lower 62 bits come last, the 12 above them between version and variant.
        assert_eq!(text((0xabc << 62) | 0x1234_5678_9abc_def0), "01234567-89ab-7abc-9234-56789abcdef0");
        assert_eq!(uuid_v7(Timestamp(-1), 0) >> 80, 0, "a clock before 1970");
        assert_eq!(uuid_v7(Timestamp(i64::MAX), 0) >> 80, u128::from(u64::MAX >> 16) & (i64::MAX as u128 / 1000));
    }

    #[test]
    fn ids_of_one_submission_are_counted_from_its_first() {
        let first = TaskId::from_u128(1000).expect("not zero");
        assert_eq!(first.offset(5).places_after(first), Some(5));
        assert_eq!(first.places_after(first.offset(1)), None);
        assert_eq!(TaskKey(1000).offset(5), TaskKey(1005), "keys count as ids do");
    }
}
