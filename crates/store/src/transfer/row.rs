//! Rows as bytes, the same whatever database they are from.
//!
//! Column after column: numbers in seven-bit bytes, low ones first, the sign in the lowest bit; yes and no as 1 and 0; text
//! and bytes with their length before them; ids as they are. A column that may be empty has 1 before its value, or 0 alone.

use super::table::{Column, Kind, Table};
use crate::encode::{decode_slices, put, take};

/// What a column of a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Empty,
    Number(i64),
    Flag(bool),
    /// Text or bytes: the column says which.
    Bytes(&'a [u8]),
    Id([u8; 16]),
}

/// Appends a row. It has the columns of its table.
pub(crate) fn encode(table: &Table, row: &[Value<'_>], out: &mut Vec<u8>) {
    for (column, value) in table.columns.iter().zip(row) {
        if column.optional {
            out.push(u8::from(*value != Value::Empty));
        }
        match value {
            Value::Empty => {}
            Value::Number(number) => put(out, (number << 1 ^ number >> 63).cast_unsigned()),
            Value::Flag(flag) => out.push(u8::from(*flag)),
            Value::Bytes(bytes) => {
                put(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Value::Id(id) => out.extend_from_slice(id),
        }
    }
}

/// Reads the next row, whose columns replace those in `row`; nothing if it is none of that table, or one that no database
/// can hold.
pub(crate) fn decode<'a>(table: &Table, bytes: &mut &'a [u8], row: &mut Vec<Value<'a>>) -> Option<()> {
    row.clear();
    for column in table.columns {
        row.push(value(column, bytes)?);
    }
    is_sound(table, row).then_some(())
}

fn value<'a>(column: &Column, bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    if column.optional && !flag(bytes)? {
        return Some(Value::Empty);
    }
    Some(match column.kind {
        Kind::Key => Value::Number(number(bytes).filter(|number| *number >= 0)?),
        Kind::Time => Value::Number(number(bytes)?),
        Kind::Small => Value::Number(number(bytes).filter(|number| u32::try_from(*number).is_ok())?),
        Kind::Tiny => Value::Number(number(bytes).filter(|number| u8::try_from(*number).is_ok())?),
        Kind::Flag => Value::Flag(flag(bytes)?),
        Kind::Text => {
            let text = sized(bytes)?;
            std::str::from_utf8(text).ok()?;
            Value::Bytes(text)
        }
        Kind::Bytes => Value::Bytes(sized(bytes)?),
        Kind::Id => {
            let (id, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Value::Id(*id)
        }
    })
}

fn number(bytes: &mut &[u8]) -> Option<i64> {
    let number = take(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

fn flag(bytes: &mut &[u8]) -> Option<bool> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    match first {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Classes are numbered without gaps, so there are never as many.
const CLASSES_MAX: i64 = 100_000_000;

/// More tasks than a job can have, and so few that counts can be added up.
const COUNT_MAX: i64 = 1 << 60;

/// Whether those who read the row can rely on what it says of itself.
fn is_sound(table: &Table, row: &[Value<'_>]) -> bool {
    match (table.name, row) {
        ("class", [Value::Number(key), ..]) => (1..CLASSES_MAX).contains(key),
        ("job", [.., Value::Number(first), Value::Number(count)]) => first.checked_add(*count).is_some(),
        (
            "task_group",
            [Value::Number(key), .., Value::Number(count), _, Value::Bytes(groups), Value::Bytes(slices), _],
        ) => {
            let slices = decode_slices(slices).unwrap_or_default();
            let tasks = slices.iter().try_fold(0_u64, |tasks, slice| tasks.checked_add(slice.count));
            groups.len().is_multiple_of(8)
                && *count > 0
                && tasks == Some(count.unsigned_abs())
                && key.checked_add(*count).is_some()
        }
        ("job_status", row) => {
            let counts = row.get(3..9).into_iter().flatten();
            counts.into_iter().all(|count| matches!(count, Value::Number(count) if *count < COUNT_MAX))
        }
        ("task", row) => match (row.get(11), row.get(12)) {
            (Some(Value::Number(first)), Some(Value::Number(count))) => first.checked_add(*count).is_some(),
            _ => true,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::TABLES;
    use super::*;

    /// A row with the largest or the smallest values of every column.
    fn extreme(table: &Table, large: bool) -> Vec<Value<'static>> {
        let value = |column: &Column| match column.kind {
            _ if column.optional && !large => Value::Empty,
            Kind::Key => Value::Number(if large { i64::MAX } else { 0 }),
            Kind::Time => Value::Number(if large { i64::MAX } else { i64::MIN }),
            Kind::Small => Value::Number(if large { u32::MAX.into() } else { 0 }),
            Kind::Tiny => Value::Number(if large { u8::MAX.into() } else { 0 }),
            Kind::Flag => Value::Flag(large),
            Kind::Text => Value::Bytes(if large { "a\0ü\u{10ffff}".as_bytes() } else { b"" }),
            Kind::Bytes => Value::Bytes(if large { &[0xff; 300] } else { b"" }),
            Kind::Id => Value::Id([u8::from(large) * 0xff; 16]),
        };
        table.columns.iter().map(value).collect()
    }

    #[test]
    fn rows_read_back_as_they_were_and_broken_ones_are_refused() {
        for table in TABLES {
            if ["class", "job", "job_status", "task", "task_group"].contains(&table.name) {
                continue;
            }
            for large in [false, true] {
                let row = extreme(table, large);
                let mut bytes = Vec::new();
                encode(table, &row, &mut bytes);
                let (mut rest, mut read) = (&bytes[..], Vec::new());
                assert_eq!(decode(table, &mut rest, &mut read), Some(()), "{}", table.name);
                assert_eq!((read, rest.len()), (row, 0), "{}", table.name);
                for length in 0..bytes.len() {
                    let cut = decode(table, &mut &bytes[..length], &mut Vec::new());
                    assert_eq!(cut, None, "{} cut after {length} bytes", table.name);
                }
            }
        }
    }

    #[test]
    fn groups_whose_slices_are_not_their_tasks_are_refused() {
        let group = |count, slices| {
            let (none, number) = (Value::Empty, Value::Number);
            let (id, bytes) = (Value::Id([1; 16]), Value::Bytes(slices));
            [
                number(1),
                id,
                number(1),
                none,
                number(0),
                none,
                number(count),
                number(0),
                Value::Bytes(b""),
                bytes,
                number(5),
            ]
        };
        let table = &super::super::table::GROUPS;
        let read = |row: &[Value<'_>]| {
            let mut bytes = Vec::new();
            encode(table, row, &mut bytes);
            decode(table, &mut &bytes[..], &mut Vec::new())
        };
        let slices = [3, 1, 0, 1, b'T'];
        assert_eq!(read(&group(3, &slices)), Some(()));
        for (count, slices) in [(2, &slices[..]), (0, &[]), (3, &slices[1..]), (i64::MAX, &slices)] {
            assert_eq!(read(&group(count, slices)), None, "{count} tasks, slices {slices:?}");
        }
    }
}
