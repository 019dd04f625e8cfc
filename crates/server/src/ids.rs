//! Fresh names: ids, slugs, trace parents. Randomness enters here and travels on inside commands.

use std::sync::Mutex;

use boxwood_engine::{JobId, TaskId, Timestamp, uuid_v7};
use rand::RngExt as _;

/// The characters of generated slugs: those that are not mistaken for one another.
const BASE_58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Random characters at the end of a generated slug (C-5).
const SLUG_LETTERS: usize = 14;

/// Ids of one kind. Those of the same millisecond ascend in the order they were made, so that lists ordered by id are
/// ordered by submission (J-51).
struct Ascending(Mutex<u128>);

impl Ascending {
    const fn new() -> Self {
        Self(Mutex::new(0))
    }

    /// The next id. The highest bit of the low random part is zero, and from one id to the next of the same millisecond
    /// there is room for the largest submission to count up in.
    fn next(&self, now: Timestamp) -> u128 {
        let fresh = uuid_v7(now, rand::random()) & !(1 << 61);
        let mut last = self.0.lock().expect("nobody panics while making an id");
        let following = *last + (1 << 32) + u128::from(rand::random::<u32>());
        let same_millisecond = *last >> 80 == fresh >> 80;
        *last = if same_millisecond && following >> 61 == *last >> 61 { following } else { fresh };
        *last
    }
}

/// An id for a job submitted `now`.
pub(crate) fn job(now: Timestamp) -> JobId {
    static JOBS: Ascending = Ascending::new();
    JobId::from_u128(JOBS.next(now)).expect("the version bits are not zero")
}

/// An id for the first task of a submission. The others count up from it.
pub(crate) fn first_task(now: Timestamp) -> TaskId {
    static TASKS: Ascending = Ascending::new();
    TaskId::from_u128(TASKS.next(now)).expect("the version bits are not zero")
}

/// The random end of a generated slug.
pub(crate) fn slug_letters() -> String {
    let mut random = rand::rng();
    (0..SLUG_LETTERS).map(|_| char::from(BASE_58[random.random_range(0..BASE_58.len())])).collect()
}

/// A W3C trace parent for a job no client span belongs to (J-82).
pub(crate) fn trace_parent() -> String {
    let trace = rand::random::<u128>() | 1;
    let span = rand::random::<u64>() | 1;
    format!("00-{trace:032x}-{span:016x}-01")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0x0199_614b_6102 * 1000 + 999);

    #[test]
    fn n_9_ids_begin_with_the_milliseconds_and_are_of_version_7() {
        for id in [job(NOW).to_string(), first_task(NOW).to_string()] {
            assert!(id.starts_with("0199614b-6102-7"), "{id}");
            assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        }
        assert_eq!(uuid_v7(Timestamp(0), u128::MAX), 0x7fff_bfff_ffff_ffff_ffff);
        assert_ne!(job(NOW), job(NOW));
    }

    #[test]
    fn n_9_the_last_of_the_largest_submission_keeps_its_version_and_variant() {
        for _ in 0..1000 {
            let first = first_task(NOW);
            let last = first.offset(boxwood_engine::limits::TASKS_MAX);
            assert_eq!(first.to_u128() >> 62, last.to_u128() >> 62, "{first} and {last}");
        }
    }

    #[test]
    fn j_51_ids_of_the_same_millisecond_ascend_with_room_for_a_submission() {
        let ids = Ascending::new();
        let mut last = ids.next(NOW);
        for _ in 0..10_000 {
            let next = ids.next(NOW);
            assert!(next > last + u128::from(boxwood_engine::limits::TASKS_MAX), "{last:x} {next:x}");
            assert_eq!(next >> 62, last >> 62, "milliseconds, version and variant stay");
            last = next;
        }
        assert!(ids.next(Timestamp(NOW.0 + 1000)) > last, "the next millisecond is later");
    }

    #[test]
    fn c_5_slugs_end_in_14_characters_of_base_58() {
        let letters = slug_letters();
        assert_eq!(letters.len(), 14);
        assert!(letters.bytes().all(|letter| BASE_58.contains(&letter)), "{letters}");
        assert_ne!(letters, slug_letters());
    }
}
