//! What is stored: records, their ids and kinds.

use std::fmt;
use std::sync::Arc;

use boxwood_engine::{JobId, TaskId};

/// Groups of severities (O-31). The numbers are those of the wire and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// No severity was given, or one that OpenTelemetry does not define.
    Unspecified = 0,
    /// Numbers 1 to 4.
    Trace = 1,
    /// Numbers 5 to 8.
    Debug = 2,
    /// Numbers 9 to 12.
    Info = 3,
    /// Numbers 13 to 16.
    Warning = 4,
    /// Numbers 17 to 24, fatal ones included.
    Error = 5,
}

impl Severity {
    /// Every group, in ascending number.
    pub const ALL: [Self; 6] = [Self::Unspecified, Self::Trace, Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// The group of a severity number of OpenTelemetry (O-31).
    #[must_use]
    pub fn of(severity_number: i32) -> Self {
        match severity_number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warning,
            17..=24 => Self::Error,
            _ => Self::Unspecified,
        }
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A log record of a severity group.
    Log(Severity),
    /// A span.
    Span,
}

impl Kind {
    /// The number of the kind in the store: that of the severity group, and the next one for spans.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Log(severity) => severity as i64,
            Self::Span => 6,
        }
    }
}

/// The id of a trace: 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Reads an id; `None` for another length or all zeros, which stand for "no trace".
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The bytes of the id.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// A record to store.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What it is.
    pub kind: Kind,
    /// When it was logged, or when the span began, in nanoseconds since 1970.
    pub time: u64,
    /// The job it belongs to, where known. Without one the trace decides when it is asked for (O-4).
    pub job: Option<JobId>,
    /// The task it belongs to, where known.
    pub task: Option<TaskId>,
    /// Its trace, where known.
    pub trace: Option<TraceId>,
    /// The resource it comes from, encoded. Equal ones are stored once.
    pub resource: Arc<[u8]>,
    /// The scope it comes from, encoded. Equal ones are stored once.
    pub scope: Arc<[u8]>,
    /// The record itself, encoded.
    pub encoded: Vec<u8>,
}

/// The id of a stored record. Ids order as records do: by time, equal times by arrival.
///
/// It has the form of a UUID v7: the milliseconds of the record's time, then the nanoseconds within the millisecond, then
/// the number of the record in order of arrival, where a UUID v7 is random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(u128);

/// Bits of an id that hold the number of the record.
const KEY_BITS: u32 = 54;
/// Bits of the nanoseconds within a millisecond that come after those in the upper half.
const FRACTION_LOW_BITS: u32 = 8;
const VERSION_7: u128 = 7;
const VARIANT_RFC: u128 = 0b10;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// Where a record is in the order of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// The number of the record, 1 or more.
    pub(crate) key: i64,
}

impl RecordId {
    pub(crate) fn at(position: Position) -> Self {
        // Stored times and keys are never negative, and 2^54 records are out of reach.
        let time = position.time.unsigned_abs();
        let (millis, fraction) = (time / NANOS_PER_MILLI, u128::from(time % NANOS_PER_MILLI));
        let key = u128::from(position.key.unsigned_abs()) & ((1 << KEY_BITS) - 1);
        Self(
            (u128::from(millis) << 80)
                | (VERSION_7 << 76)
                | ((fraction >> FRACTION_LOW_BITS) << 64)
                | (VARIANT_RFC << 62)
                | ((fraction & ((1 << FRACTION_LOW_BITS) - 1)) << KEY_BITS)
                | key,
        )
    }

    pub(crate) fn position(self) -> Position {
        let low = |bits: u32, at: u32| u64::try_from((self.0 >> at) & ((1 << bits) - 1)).unwrap_or(u64::MAX);
        let fraction = (low(12, 64) << FRACTION_LOW_BITS) | low(FRACTION_LOW_BITS, KEY_BITS);
        let time = low(48, 80) * NANOS_PER_MILLI + fraction;
        Position {
            time: i64::try_from(time).unwrap_or(i64::MAX),
            key: i64::try_from(low(KEY_BITS, 0)).unwrap_or(i64::MAX),
        }
    }

    /// Reads an id; `None` if the bytes are no id of a record.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id = Self(u128::from_be_bytes(bytes.try_into().ok()?));
        // Also refuses what would round to another record.
        (id.0 >> 80 < 1 << 44 && Self::at(id.position()) == id).then_some(id)
    }

    /// The 16 bytes of the id, most significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_31_severity_groups_by_number() {
        let groups: Vec<u8> = (-1..=26).map(|number| Severity::of(number) as u8).collect();
        let expected = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 0, 0];
        assert_eq!(groups, expected);
        assert_eq!(Severity::of(i32::MAX), Severity::Unspecified);
    }

    #[test]
    fn o_34_ids_order_as_time_and_arrival_and_read_back() {
        let times = [0, 1, 255, 256, 999_999, 1_000_000, 1_700_000_000_123_456_789, i64::MAX];
        let keys = [1, 2, (1 << 54) - 1];
        let positions: Vec<Position> =
            times.iter().flat_map(|&time| keys.iter().map(move |&key| Position { time, key })).collect();
        let ids: Vec<RecordId> = positions.iter().map(|&position| RecordId::at(position)).collect();
        assert!(ids.is_sorted());
        for (id, position) in ids.iter().zip(&positions) {
            assert_eq!(id.position(), *position);
            assert_eq!(RecordId::from_bytes(&id.to_bytes()), Some(*id));
            assert_eq!(id.to_bytes()[6] >> 4, 7, "version");
            assert_eq!(id.to_bytes()[8] >> 6, 0b10, "variant");
        }
    }

    #[test]
    fn o_34_other_bytes_are_no_ids() {
        let id = RecordId::at(Position { time: 5_000_001, key: 3 }).to_bytes();
        assert_eq!(RecordId::from_bytes(&id[..15]), None);
        assert_eq!(RecordId::from_bytes(&[0; 16]), None);
        assert_eq!(RecordId::from_bytes(&[255; 16]), None);
        let mut version_4 = id;
        version_4[6] = 0x40 | (version_4[6] & 0x0f);
        assert_eq!(RecordId::from_bytes(&version_4), None);
        let mut fraction_beyond_a_millisecond = id;
        fraction_beyond_a_millisecond[6..8].copy_from_slice(&[0x7f, 0xff]);
        assert_eq!(RecordId::from_bytes(&fraction_beyond_a_millisecond), None);
    }
}
