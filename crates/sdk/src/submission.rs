//! Putting tasks that are submitted together into groups (T-80, T-98).

use std::collections::HashMap;
use std::ops::Range;

use boxwood_proto::workflows::v1 as wire;

use crate::Error;
use crate::task::Submission;

/// The most groups of one submission (T-98, LM-1).
pub(crate) const GROUPS_MAX: usize = 64;

/// One task to be submitted, with its options.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) task: Submission,
    /// Empty for the default: of the parent, or of the server (T-78, J-4).
    pub(crate) cluster: String,
    pub(crate) max_retries: u32,
    pub(crate) optional: bool,
    /// Positions of the tasks this one waits for, all smaller than its own.
    pub(crate) dependencies: Positions,
}

impl Entry {
    pub(crate) fn new(task: Submission, cluster: String) -> Self {
        Self { task, cluster, max_retries: 0, optional: false, dependencies: Positions::default() }
    }
}

/// A set of positions, kept as sorted ranges that do not touch: 10,000 tasks that all depend on the same 10,000 tasks take
/// 10,000 ranges, not a hundred million positions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Positions(Vec<(u32, u32)>);

impl Positions {
    /// Adds all positions of `range`.
    pub(crate) fn add(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let first = self.0.partition_point(|(_, until)| *until < start);
        let mut last = first;
        while let Some((from, until)) = self.0.get(last)
            && *from <= end
        {
            start = start.min(*from);
            end = end.max(*until);
            last += 1;
        }
        self.0.splice(first..last, [(start, end)]);
    }

    /// Adds all positions of `other`.
    pub(crate) fn union(&mut self, other: &Self) {
        other.0.iter().for_each(|(from, until)| self.add(*from..*until));
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(|(from, until)| *from as usize..*until as usize)
    }
}

/// What each task has in common with the others of its group: which set of tasks it waits for, and which sets it is in.
///
/// Tasks that wait for the same set form a class. Two tasks have the same dependents exactly if the same classes wait for
/// them, so a bit for each class tells the dependents apart.
type GroupKey = (u32, u64);

/// Tasks of one submission with the same dependencies and the same dependents.
#[derive(Debug)]
pub(crate) struct Group<'e> {
    /// Positions of the groups that these tasks wait for.
    pub(crate) dependencies: Vec<u32>,
    /// In the order they were submitted.
    pub(crate) tasks: Vec<&'e Entry>,
}

/// The fewest groups of `entries` in which all tasks have the same dependencies and the same dependents, in the order of
/// their first tasks.
///
/// # Errors
/// [`Error::Submission`] if there are more than 64 groups (T-98).
pub(crate) fn groups(entries: &[Entry]) -> Result<Vec<Group<'_>>, Error> {
    let mut classes: HashMap<&Positions, u32> = HashMap::new();
    let mut keys: Vec<GroupKey> = Vec::with_capacity(entries.len());
    for entry in entries {
        let next =
            u32::try_from(classes.len()).expect("there are fewer classes than tasks, which positions count in 32 bits");
        keys.push((*classes.entry(&entry.dependencies).or_insert(next), 0));
    }
    if classes.len() > GROUPS_MAX {
        return Err(too_many_groups(entries.len(), classes.len()));
    }
    for (positions, class) in &classes {
        for position in positions.iter() {
            keys[position].1 |= 1 << class;
        }
    }

    let mut places: HashMap<GroupKey, usize> = HashMap::new();
    let mut order: Vec<GroupKey> = Vec::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (entry, key) in entries.iter().zip(&keys) {
        let place = *places.entry(*key).or_insert_with(|| {
            order.push(*key);
            groups.push(Group { dependencies: Vec::new(), tasks: Vec::new() });
            order.len() - 1
        });
        groups[place].tasks.push(entry);
    }
    if order.len() > GROUPS_MAX {
        return Err(too_many_groups(entries.len(), order.len()));
    }
    for (group, (class, _)) in groups.iter_mut().zip(&order) {
        group.dependencies = (0_u32..)
            .zip(&order)
            .filter(|(_, (_, dependents))| dependents & 1 << class != 0)
            .map(|(index, _)| index)
            .collect();
    }
    Ok(groups)
}

/// The message of `entries`, grouped.
///
/// # Errors
/// As [`groups`].
pub(crate) fn to_wire(entries: &[Entry]) -> Result<wire::TaskSubmissions, Error> {
    let groups = groups(entries)?;
    let mut lookups = Lookups::default();
    let mut message = wire::TaskSubmissions::default();
    for group in groups {
        message
            .task_groups
            .push(wire::TaskSubmissionGroup { dependencies_on_other_groups: group.dependencies, ..Default::default() });
        group.tasks.into_iter().for_each(|entry| lookups.add(&mut message, entry));
    }
    Ok(message)
}

/// Where each distinct text and identifier is in the lookup lists.
#[derive(Default)]
struct Lookups<'a> {
    identifiers: HashMap<&'a crate::TaskIdentifier, u64>,
    clusters: HashMap<&'a str, u64>,
    displays: HashMap<&'a str, u64>,
}

impl<'a> Lookups<'a> {
    /// Adds a task to the last group.
    fn add(&mut self, message: &mut wire::TaskSubmissions, entry: &'a Entry) {
        let identifier = *self.identifiers.entry(&entry.task.identifier).or_insert_with(|| {
            message.identifier_lookup.push(entry.task.identifier.to_wire());
            message.identifier_lookup.len() as u64 - 1
        });
        let cluster = *self.clusters.entry(&entry.cluster).or_insert_with(|| {
            message.cluster_slug_lookup.push(entry.cluster.clone());
            message.cluster_slug_lookup.len() as u64 - 1
        });
        let display = *self.displays.entry(&entry.task.display).or_insert_with(|| {
            message.display_lookup.push(entry.task.display.clone());
            message.display_lookup.len() as u64 - 1
        });
        let group = message.task_groups.last_mut().expect("a group is added before its tasks");
        group.inputs.push(entry.task.input.clone());
        group.identifier_pointers.push(identifier);
        group.cluster_slug_pointers.push(cluster);
        group.display_pointers.push(display);
        group.max_retries_values.push(entry.max_retries.into());
        group.optional_values.push(entry.optional);
    }
}

fn too_many_groups(tasks: usize, groups: usize) -> Error {
    Error::Submission {
        what: format!("{tasks} sub-tasks"),
        problem: format!(
            "they fall into at least {groups} groups, at most {GROUPS_MAX} are allowed: a group is all tasks with the same \
             dependencies and the same dependents; let more tasks share their dependencies, or let a sub-task submit a part \
             of them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawTask;
    use crate::task::Submit as _;

    fn entry(name: &str, dependencies: &[u32]) -> Entry {
        let task = RawTask::new(name, "v1.0").unwrap().into_submission().unwrap();
        let mut entry = Entry::new(task, "gpu".to_owned());
        dependencies.iter().for_each(|position| entry.dependencies.add(*position..position + 1));
        entry
    }

    fn dependencies(message: &wire::TaskSubmissions) -> Vec<(usize, Vec<u32>)> {
        let groups = message.task_groups.iter();
        groups.map(|group| (group.inputs.len(), group.dependencies_on_other_groups.clone())).collect()
    }

    #[test]
    fn t_99_200_tasks_and_one_after_all_of_them_are_2_groups() {
        let mut entries = vec![entry("Map", &[]); 200];
        let mut reduce = entry("Reduce", &[]);
        reduce.dependencies.add(0..200);
        entries.push(reduce);
        assert_eq!(dependencies(&to_wire(&entries).unwrap()), [(200, vec![]), (1, vec![0])]);
    }

    #[test]
    fn t_100_a_chain_of_64_is_accepted_and_one_of_65_is_not() {
        let chain = |length: u32| -> Vec<Entry> {
            (0..length).map(|at| entry("Link", &at.checked_sub(1).map_or(vec![], |before| vec![before]))).collect()
        };
        let message = to_wire(&chain(64)).unwrap();
        assert_eq!(message.task_groups.len(), 64);
        assert_eq!(message.task_groups[63].dependencies_on_other_groups, [62]);
        let text = to_wire(&chain(65)).unwrap_err().to_string();
        assert!(text.contains("at least 65 groups, at most 64 are allowed"), "{text}");
    }

    #[test]
    fn t_98_groups_are_told_apart_by_dependents_too() {
        // a and b wait for nothing; c waits for a alone, d for a and b.
        let entries = [entry("a", &[]), entry("b", &[]), entry("c", &[0]), entry("d", &[0, 1])];
        let message = to_wire(&entries).unwrap();
        assert_eq!(dependencies(&message), [(1, vec![]), (1, vec![]), (1, vec![0]), (1, vec![0, 1])]);
    }

    #[test]
    fn t_98_pairs_of_a_grid_exceed_the_limit_through_dependents_alone() {
        // 7 sets of dependencies, but 2^7 - 1 different sets of dependents below them.
        let mut entries: Vec<Entry> = (1..128).map(|_| entry("leaf", &[])).collect();
        for bit in 0..7 {
            let below: Vec<u32> = (1..128_u32).filter(|leaf| leaf >> bit & 1 == 1).map(|leaf| leaf - 1).collect();
            entries.push(entry("node", &below));
        }
        let text = to_wire(&entries).unwrap_err().to_string();
        assert!(text.contains("134 groups"), "{text}");
    }

    #[test]
    fn t_80_equal_texts_and_identifiers_are_sent_once() {
        let mut entries = vec![entry("Leaf", &[]), entry("Leaf", &[]), entry("Other", &[])];
        entries[2].cluster = "cpu".to_owned();
        entries[2].max_retries = 2;
        entries[2].optional = true;
        let message = to_wire(&entries).unwrap();
        assert_eq!(message.identifier_lookup.len(), 2);
        assert_eq!(message.cluster_slug_lookup, ["gpu", "cpu"]);
        assert_eq!(message.display_lookup, ["Leaf", "Other"]);
        let group = &message.task_groups[0];
        assert_eq!(group.identifier_pointers, [0, 0, 1]);
        assert_eq!(group.cluster_slug_pointers, [0, 0, 1]);
        assert_eq!(group.display_pointers, [0, 0, 1]);
        assert_eq!(group.max_retries_values, [0, 0, 2]);
        assert_eq!(group.optional_values, [false, false, true]);
    }

    #[test]
    fn t_80_dense_dependencies_of_many_tasks_stay_cheap() {
        let mut entries = vec![entry("Map", &[]); 20_000];
        let mut reduce = entry("Reduce", &[]);
        reduce.dependencies.add(0..20_000);
        entries.extend(vec![reduce; 20_000]);
        assert_eq!(dependencies(&to_wire(&entries).unwrap()), [(20_000, vec![]), (20_000, vec![0])]);
    }

    #[test]
    fn t_90_positions_are_a_set_however_they_are_added() {
        let mut one = Positions::default();
        [3..5, 0..1, 5..6, 1..2, 4..5, 9..9].into_iter().for_each(|range| one.add(range));
        let mut other = Positions::default();
        [0..2, 3..6].into_iter().for_each(|range| other.add(range));
        assert_eq!(one, other);
        assert_eq!(one.iter().collect::<Vec<_>>(), [0, 1, 3, 4, 5]);
    }
}
