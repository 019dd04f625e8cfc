//! What the databases have in common: parts of rows that they keep as bytes, and which rows a task may leave.

use std::sync::Arc;

use boxwood_engine::{ClassKey, GroupKey, Slice, Task, TaskState};

/// Group keys, eight bytes each.
pub(crate) fn encode_groups(groups: &[GroupKey]) -> Vec<u8> {
    groups.iter().flat_map(|group| group.0.to_le_bytes()).collect()
}

/// Reads what [`encode_groups`] wrote.
pub(crate) fn decode_groups(bytes: &[u8]) -> Vec<GroupKey> {
    bytes.as_chunks().0.iter().map(|bytes| GroupKey(u64::from_le_bytes(*bytes))).collect()
}

/// The slices of a group, each as count, class, max retries and optional mark, length of the display, display; numbers
/// in seven-bit bytes, low ones first, the top bit set on all but the last.
pub(crate) fn encode_slices(slices: &[Slice]) -> Vec<u8> {
    let mut out = Vec::with_capacity(slices.len() * 24);
    for slice in slices {
        put(&mut out, slice.count);
        put(&mut out, slice.class.0);
        put(&mut out, u64::from(slice.max_retries) << 1 | u64::from(slice.optional));
        put(&mut out, slice.display.len() as u64);
        out.extend_from_slice(slice.display.as_bytes());
    }
    out
}

/// Reads what [`encode_slices`] wrote.
pub(crate) fn decode_slices(mut bytes: &[u8]) -> Option<Vec<Slice>> {
    let mut slices = Vec::new();
    let mut start = 0;
    while !bytes.is_empty() {
        let count = take(&mut bytes)?;
        let class = ClassKey(take(&mut bytes)?);
        let marks = take(&mut bytes)?;
        let length = usize::try_from(take(&mut bytes)?).ok()?;
        let (display, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        slices.push(Slice {
            start,
            count,
            class,
            max_retries: u32::try_from(marks >> 1).ok()?,
            optional: marks & 1 != 0,
            display: Arc::from(std::str::from_utf8(display).ok()?),
        });
        start = u64::checked_add(start, count)?;
    }
    Some(slices)
}

/// Appends a number in seven-bit bytes.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads what [`put`] wrote.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Whether a task could have been FAILED when it was saved last: it may have been retried, handed out and reported since,
/// all in one commit. Only of a task in its first execution it is known that it was not.
pub(crate) fn may_leave_failed(task: &Task) -> bool {
    match task.state {
        TaskState::Failed => false,
        TaskState::Queued => true,
        _ => task.hand_outs > 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_survive_the_round_trip() {
        let slice = |start, count, class, max_retries, optional, display: &str| Slice {
            start,
            count,
            class: ClassKey(class),
            max_retries,
            optional,
            display: display.into(),
        };
        let slices = vec![
            slice(0, 1, 1, 0, false, "Task"),
            slice(1, 100_000, 300, u32::MAX, true, ""),
            slice(100_001, 5, 1 << 40, 7, true, "zwei\nZeilen ✓"),
        ];
        assert_eq!(decode_slices(&encode_slices(&slices)), Some(slices));
    }

    #[test]
    fn broken_bytes_are_no_slices() {
        let whole = encode_slices(&[Slice {
            start: 0,
            count: 1000,
            class: ClassKey(1),
            max_retries: 0,
            optional: false,
            display: "Task".into(),
        }]);
        for length in 1..whole.len() {
            assert_eq!(decode_slices(&whole[..length]), None, "cut after {length} bytes");
        }
        assert_eq!(decode_slices(&[0xff; 12]), None);
    }
}
