//! Tasks that could be handed out now, and the jobs that have some.
//!
//! A [`ReadyEntry`] is a range of neighbouring tasks of one class, so making ten thousand mappers eligible writes a
//! handful of rows, and handing one out shortens one of them. Entries of a job are ordered by depth and submission
//! the children of one task are neighbours in that order, so "ready children of this task" is a range too.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::id::{ClassKey, GroupKey, JobKey};

/// Tasks in one entry at most, so that two servers sharing a big group do not wait for the same row.
pub(crate) const ENTRY_TASKS_MAX: u64 = 1024;

/// The place of a ready task in its job: depth first, then submission.
pub(crate) type Place = (u32, u64);

/// A range of ready tasks as a store keeps it. The key never changes; only `next` moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReadyKey {
    /// The job.
    pub job: JobKey,
    /// The class of the tasks.
    pub class: ClassKey,
    /// The depth of the tasks.
    pub depth: u32,
    /// The first task the range ever had.
    pub first: u64,
    /// Whether it is one task that was handed out before and came back.
    pub returned: bool,
}

/// What is left of a range of ready tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyRow {
    /// The next task to hand out.
    pub next: u64,
    /// The key after that of the last task.
    pub end: u64,
    /// The group of the tasks.
    pub group: GroupKey,
}

/// A range of ready tasks in memory, found by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadyEntry {
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) group: GroupKey,
    pub(crate) returned: bool,
}

/// The ready tasks of one job and class, as far as they are loaded.
#[derive(Debug, Default)]
struct ReadyIndex {
    entries: BTreeMap<Place, ReadyEntry>,
    known: Known,
}

/// In which places every entry of an index is loaded.
#[derive(Debug)]
enum Known {
    All,
    Ranges(Vec<Range<Place>>),
}

impl Default for Known {
    fn default() -> Self {
        Self::Ranges(Vec::new())
    }
}

/// After every place.
const END: Place = (u32::MAX, u64::MAX);

impl Known {
    /// Up to where everything from `place` on is known; none if `place` itself is not.
    fn until(&self, place: Place) -> Option<Place> {
        match self {
            Self::All => Some(END),
            Self::Ranges(ranges) => ranges.iter().find(|range| range.contains(&place)).map(|range| range.end),
        }
    }

    fn add(&mut self, new: Range<Place>) {
        let Self::Ranges(ranges) = self else { return };
        match ranges.iter_mut().find(|range| range.end == new.start) {
            Some(before) => before.end = new.end,
            None => ranges.push(new),
        }
    }
}

/// All ready tasks known, with a log of changes to be saved or undone.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    indexes: foldhash::HashMap<(JobKey, ClassKey), ReadyIndex>,
    /// Keys of tasks that nobody but this set gives out: every entry of such tasks is here.
    own: Vec<Range<u64>>,
    log: Vec<(ReadyKey, Option<ReadyRow>, bool)>,
    undo: Vec<((JobKey, ClassKey), Place, Option<ReadyEntry>)>,
    log_before: usize,
    created: Vec<(JobKey, ClassKey)>,
}

impl Ready {
    /// Whether the entries of a job and class are loaded, the first of them at least.
    pub(crate) fn is_known(&self, job: JobKey, class: ClassKey) -> bool {
        self.is_known_from(job, class, (0, 0))
    }

    /// Whether entries from a place on are loaded.
    pub(crate) fn is_known_from(&self, job: JobKey, class: ClassKey, place: Place) -> bool {
        self.indexes.get(&(job, class)).is_some_and(|index| index.known.until(place).is_some())
    }

    /// Takes in all entries of a job and class.
    pub(crate) fn load(&mut self, job: JobKey, class: ClassKey, rows: impl Iterator<Item = (ReadyKey, ReadyRow)>) {
        self.indexes.entry((job, class)).or_insert_with(|| {
            let entry = |(key, row): (ReadyKey, ReadyRow)| {
                (
                    (key.depth, row.next),
                    ReadyEntry { first: key.first, end: row.end, group: row.group, returned: key.returned },
                )
            };
            ReadyIndex { entries: rows.map(entry).collect(), known: Known::All }
        });
    }

    /// Notes that the tasks with these keys are made here.
    pub(crate) fn own(&mut self, tasks: Range<u64>) {
        if !tasks.is_empty() {
            self.own.push(tasks);
        }
    }

    fn is_own(&self, within: &Range<Place>) -> bool {
        let holds = |tasks: &Range<u64>| tasks.start <= within.start.1 && within.end.1 <= tasks.end;
        within.start.0 == within.end.0 && self.own.iter().any(holds)
    }

    /// Takes in the entries of a job and class in a range of places, which is known from now on. Where all was known
    /// before, what is here is newer than what the store has, and stays.
    pub(crate) fn load_part(
        &mut self,
        job: JobKey,
        class: ClassKey,
        rows: impl Iterator<Item = (ReadyKey, ReadyRow)>,
        known: Range<Place>,
    ) {
        let index = self.indexes.entry((job, class)).or_default();
        for (key, row) in rows {
            let here = index.known.until((key.depth, key.first)).is_some();
            if here || self.own.iter().any(|tasks| tasks.contains(&key.first)) {
                continue;
            }
            let entry = ReadyEntry { first: key.first, end: row.end, group: row.group, returned: key.returned };
            index.entries.entry((key.depth, row.next)).or_insert(entry);
        }
        index.known.add(known);
    }

    /// Lets entries be added to a job and class of which nothing may be known.
    pub(crate) fn open(&mut self, job: JobKey, class: ClassKey) {
        self.indexes.entry((job, class)).or_default();
    }

    /// Notes that a new job has no ready tasks of `class` yet.
    pub(crate) fn create(&mut self, job: JobKey, class: ClassKey) {
        if let std::collections::hash_map::Entry::Vacant(vacant) = self.indexes.entry((job, class)) {
            vacant.insert(ReadyIndex { entries: BTreeMap::new(), known: Known::All });
            self.created.push((job, class));
        }
    }

    /// The first entry of a job and class in a range of places, or the part of the range that must be known to say.
    pub(crate) fn first(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Option<(Place, ReadyEntry)>, Range<Place>> {
        let own = self.is_own(&within);
        let Some(index) = self.indexes.get(&(job, class)) else { return if own { Ok(None) } else { Err(within) } };
        let found = index.entries.range(within.clone()).next().map(|(place, entry)| (*place, *entry));
        if own {
            return Ok(found);
        }
        let Some(until) = index.known.until(within.start) else { return Err(within) };
        if until >= within.end || found.is_some_and(|(place, _)| place < until) {
            Ok(found)
        } else {
            Err(until..within.end)
        }
    }

    /// All entries of a job and class in a range of places, or the part of the range that must be known to say.
    pub(crate) fn all(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Vec<(Place, ReadyEntry)>, Range<Place>> {
        let own = self.is_own(&within);
        let Some(index) = self.indexes.get(&(job, class)) else {
            return if own { Ok(Vec::new()) } else { Err(within) };
        };
        match index.known.until(within.start) {
            _ if own => Ok(index.entries.range(within).map(|(place, entry)| (*place, *entry)).collect()),
            Some(until) if until >= within.end => {
                Ok(index.entries.range(within).map(|(place, entry)| (*place, *entry)).collect())
            }
            until => Err(until.unwrap_or(within.start)..within.end),
        }
    }

    /// Adds a range of ready tasks. The index must be known.
    pub(crate) fn insert(&mut self, key: ReadyKey, row: ReadyRow) {
        let entry = ReadyEntry { first: key.first, end: row.end, group: row.group, returned: key.returned };
        self.put(key.job, key.class, (key.depth, row.next), Some(entry));
        self.log.push((key, Some(row), true));
    }

    /// Takes the first task out of the entry at `place`.
    pub(crate) fn take_first(&mut self, job: JobKey, class: ClassKey, place: Place) {
        let Some(entry) = self.put(job, class, place, None) else {
            return;
        };
        let key = ReadyKey { job, class, depth: place.0, first: entry.first, returned: entry.returned };
        let next = place.1 + 1;
        if next < entry.end {
            self.put(job, class, (place.0, next), Some(entry));
            self.log.push((key, Some(ReadyRow { next, end: entry.end, group: entry.group }), false));
        } else {
            self.log.push((key, None, false));
        }
    }

    /// Removes the entry at `place`.
    pub(crate) fn remove(&mut self, job: JobKey, class: ClassKey, place: Place) {
        if let Some(entry) = self.put(job, class, place, None) {
            let key = ReadyKey { job, class, depth: place.0, first: entry.first, returned: entry.returned };
            self.log.push((key, None, false));
        }
    }

    fn put(&mut self, job: JobKey, class: ClassKey, place: Place, entry: Option<ReadyEntry>) -> Option<ReadyEntry> {
        let entries = &mut self.indexes.get_mut(&(job, class)).expect("asked for before it is changed").entries;
        let before = match entry {
            Some(entry) => entries.insert(place, entry),
            None => entries.remove(&place),
        };
        self.undo.push(((job, class), place, before));
        before
    }

    pub(crate) fn begin(&mut self) {
        self.undo.clear();
        self.created.clear();
        self.log_before = self.log.len();
    }

    pub(crate) fn rollback(&mut self) {
        while let Some((index, place, before)) = self.undo.pop() {
            let entries = &mut self.indexes.get_mut(&index).expect("an index with changes is known").entries;
            match before {
                Some(entry) => entries.insert(place, entry),
                None => entries.remove(&place),
            };
        }
        for created in self.created.drain(..) {
            self.indexes.remove(&created);
        }
        self.log.truncate(self.log_before);
    }

    /// What the store has to write: the last state of every entry that changed, `None` for those that are gone. Entries
    /// that came and went since the last save are left out.
    pub(crate) fn changes(&self) -> Vec<(ReadyKey, Option<ReadyRow>)> {
        let mut last: foldhash::HashMap<ReadyKey, (Option<ReadyRow>, bool)> = foldhash::HashMap::default();
        for (key, row, new) in &self.log {
            last.entry(*key).and_modify(|known| known.0 = *row).or_insert((*row, *new));
        }
        let mut changes: Vec<_> = last
            .into_iter()
            .filter(|(_, (row, new))| row.is_some() || !new)
            .map(|(key, (row, _))| (key, row))
            .collect();
        changes.sort_unstable_by_key(|(key, _)| *key);
        changes
    }

    pub(crate) fn saved(&mut self) {
        self.log.clear();
        self.undo.clear();
        self.created.clear();
    }

    /// Forgets what is known of one job.
    pub(crate) fn forget(&mut self, job: JobKey, class: ClassKey) {
        self.indexes.remove(&(job, class));
    }

    /// How many entries are in memory, and jobs and classes with or without.
    pub(crate) fn len(&self) -> usize {
        self.indexes.values().map(|index| index.entries.len()).chain([self.indexes.len()]).sum()
    }

    pub(crate) fn clear(&mut self) {
        debug_assert!(self.log.is_empty(), "unsaved ready tasks would be lost");
        self.indexes.clear();
        self.undo.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobKey = JobKey(1);
    const CLASS: ClassKey = ClassKey(1);
    const ALL: Range<Place> = (0, 0)..(u32::MAX, u64::MAX);

    fn key(first: u64, returned: bool) -> ReadyKey {
        ReadyKey { job: JOB, class: CLASS, depth: 0, first, returned }
    }

    fn row(next: u64, end: u64) -> ReadyRow {
        ReadyRow { next, end, group: GroupKey(10) }
    }

    #[test]
    fn a_returned_task_and_the_rest_of_its_range_are_two_entries() {
        let mut ready = Ready::default();
        ready.create(JOB, CLASS);
        ready.insert(key(10, false), row(10, 13));
        ready.saved();
        ready.take_first(JOB, CLASS, (0, 10));
        ready.insert(key(10, true), row(10, 11));
        let all = ready.all(JOB, CLASS, ALL).expect("all is known");
        let places: Vec<_> = all.into_iter().map(|(place, _)| place.1).collect();
        assert_eq!(places, [10, 11]);
        assert_eq!(ready.changes(), [(key(10, false), Some(row(11, 13))), (key(10, true), Some(row(10, 11)))]);
    }

    #[test]
    fn entries_that_come_and_go_between_saves_cost_no_write() {
        let mut ready = Ready::default();
        ready.create(JOB, CLASS);
        ready.insert(key(10, false), row(10, 11));
        ready.take_first(JOB, CLASS, (0, 10));
        assert_eq!(ready.changes(), []);
        ready.insert(key(20, false), row(20, 21));
        ready.saved();
        ready.take_first(JOB, CLASS, (0, 20));
        assert_eq!(ready.changes(), [(key(20, false), None)]);
    }

    #[test]
    fn rollback_restores_entries_log_and_indexes() {
        let mut ready = Ready::default();
        ready.create(JOB, CLASS);
        ready.insert(key(10, false), row(10, 13));
        ready.begin();
        ready.take_first(JOB, CLASS, (0, 10));
        ready.create(JOB, ClassKey(2));
        ready.rollback();
        let first = ready.first(JOB, CLASS, ALL).expect("all is known");
        assert_eq!(first.map(|(place, _)| place), Some((0, 10)));
        assert_eq!(ready.changes(), [(key(10, false), Some(row(10, 13)))]);
        assert!(!ready.is_known(JOB, ClassKey(2)));
    }

    #[test]
    fn what_is_not_loaded_is_asked_for_and_not_absent() {
        let mut ready = Ready::default();
        assert_eq!(ready.first(JOB, CLASS, ALL), Err(ALL));
        ready.load_part(JOB, CLASS, [(key(10, false), row(10, 13))].into_iter(), (0, 0)..(0, 20));
        assert!(ready.first(JOB, CLASS, ALL).is_ok_and(|found| found.is_some()));
        ready.take_first(JOB, CLASS, (0, 10));
        ready.take_first(JOB, CLASS, (0, 11));
        ready.take_first(JOB, CLASS, (0, 12));
        assert_eq!(ready.first(JOB, CLASS, ALL), Err((0, 20)..ALL.end));
        assert_eq!(ready.first(JOB, CLASS, (0, 5)..(0, 15)), Ok(None));
        assert_eq!(ready.first(JOB, CLASS, (0, 30)..(0, 35)), Err((0, 30)..(0, 35)));
        ready.insert(key(40, false), row(40, 41));
        assert_eq!(ready.first(JOB, CLASS, ALL), Err((0, 20)..ALL.end), "an earlier one may be in the store");
        ready.load_part(JOB, CLASS, std::iter::empty(), (0, 20)..ALL.end);
        assert!(ready.first(JOB, CLASS, ALL).is_ok_and(|found| found.is_some_and(|(place, _)| place == (0, 40))));
        assert!(ready.all(JOB, CLASS, ALL).is_ok_and(|all| all.len() == 1));
    }

    #[test]
    fn where_all_is_known_what_is_here_stays_as_it_is() {
        let mut ready = Ready::default();
        ready.load_part(
            JOB,
            CLASS,
            [(key(10, false), row(10, 11)), (key(20, false), row(20, 21))].into_iter(),
            (0, 0)..(0, 30),
        );
        ready.take_first(JOB, CLASS, (0, 10));
        let stored = [key(10, false), key(20, false), key(40, false)].map(|key| (key, row(key.first, key.first + 1)));
        ready.load_part(JOB, CLASS, stored.into_iter(), (0, 0)..(0, 50));
        let all = ready.all(JOB, CLASS, (0, 0)..(0, 30)).expect("known");
        assert_eq!(all.iter().map(|(place, _)| place.1).collect::<Vec<_>>(), [20]);
        assert_eq!(ready.first(JOB, CLASS, (0, 30)..(0, 50)).expect("known").expect("one").0, (0, 40));
    }

    #[test]
    fn ready_tasks_of_own_making_are_known_without_a_look() {
        let mut ready = Ready::default();
        ready.own(100..110);
        assert_eq!(ready.first(JOB, CLASS, (3, 100)..(3, 104)), Ok(None));
        assert_eq!(ready.first(JOB, CLASS, (3, 100)..(3, 111)), Err((3, 100)..(3, 111)));
        assert_eq!(ready.first(JOB, CLASS, (3, 100)..(4, 104)), Err((3, 100)..(4, 104)));
        ready.open(JOB, CLASS);
        ready.insert(key(102, false), row(102, 104));
        assert_eq!(ready.all(JOB, CLASS, (0, 100)..(0, 104)).expect("known").len(), 1);
        ready.take_first(JOB, CLASS, (0, 102));
        ready.take_first(JOB, CLASS, (0, 103));
        // It was saved meanwhile, and is found in the store.
        ready.load_part(JOB, CLASS, [(key(102, false), row(102, 104))].into_iter(), (0, 0)..(1, 0));
        assert_eq!(ready.first(JOB, CLASS, (0, 100)..(0, 104)), Ok(None));
    }
}
