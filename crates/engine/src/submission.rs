//! What a job or a report submits: groups of tasks, checked before anything else looks at them (T-80 to T-83, T-95).

use std::collections::HashMap;
use std::sync::Arc;

use crate::identifier::Identifier;

/// Limits on submissions and reports (section 12.1 of the behaviour page).
pub mod limits {
    /// Groups per submission (LM-1).
    pub const GROUPS_MAX: usize = 64;
    /// Bytes of one task's input (LM-2).
    pub const INPUT_BYTES_MAX: usize = 2048;
    /// Characters of a stored display; longer ones are cut (LM-7).
    pub const DISPLAY_CHARS_MAX: usize = 1024;
    /// Bytes of an identifier's name (LM-8).
    pub const NAME_BYTES_MAX: usize = 256;
    /// Entries of a deprecated flat submission (LM-10).
    pub const SINGLES_MAX: usize = 1000;
    /// Positions a dependency of a flat submission may name (LM-10).
    pub const SINGLE_DEPENDENCY_MAX: i64 = 63;
    /// Characters of a progress label (LM-18).
    pub const LABEL_CHARS_MAX: usize = 100;
    /// Progress indicators per task (LM-19, P-8).
    pub const INDICATORS_MAX: usize = 1001;
    /// Tasks of one submission, a bound no message can reach (LM-29).
    pub const TASKS_MAX: u64 = 1 << 31;
}

/// Tasks submitted together. Made by [`Submission::new`] only, so always well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub(crate) groups: Vec<NewGroup>,
}

/// The inputs of the tasks of one group, in order.
pub type Inputs = Arc<Vec<Vec<u8>>>;

/// Tasks with the same dependencies and the same dependents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGroup {
    /// Positions of the groups it waits for.
    pub dependencies: Vec<usize>,
    /// Its tasks in order, in runs of equals.
    pub tasks: Vec<NewTasks>,
    /// One input per task.
    pub inputs: Inputs,
}

/// Neighbouring tasks of a group that differ in nothing but their input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTasks {
    /// How many.
    pub count: u64,
    /// The slug of their cluster; empty means the parent's, for root tasks the default cluster (T-78, J-4).
    pub cluster: Arc<str>,
    /// Their identifier.
    pub identifier: Identifier,
    /// Further executions allowed after a failure (T-110).
    pub max_retries: u32,
    /// Whether they are optional (T-120).
    pub optional: bool,
    /// Their display text, not empty.
    pub display: Arc<str>,
}

/// Why a submission is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// Its structure cannot come from an SDK.
    #[error("{0}")]
    Malformed(String),
    /// User code asked for more than a limit allows.
    #[error("{0}")]
    OverLimit(String),
}

fn malformed<T>(message: String) -> Result<T, SubmissionError> {
    Err(SubmissionError::Malformed(message))
}

impl Submission {
    /// Checks groups as they came and makes a submission of them.
    ///
    /// # Errors
    /// [`SubmissionError::Malformed`] for no groups, an empty group, counts that do not match, a dependency on a group
    /// that does not exist, or a cycle (LM-3, LM-4, T-95); [`SubmissionError::OverLimit`] for more than 64 groups or an
    /// input over 2048 bytes (LM-1, LM-2).
    pub fn new(groups: Vec<NewGroup>) -> Result<Self, SubmissionError> {
        if groups.is_empty() {
            return malformed("task_groups: a submission needs at least one group of tasks".into());
        }
        Self::check_structure(&groups)?;
        if groups.len() > limits::GROUPS_MAX {
            return Err(SubmissionError::OverLimit(format!(
                "task_groups: {} groups of tasks, at most {} are allowed; each distinct pair of dependencies and \
                 dependents makes a group, so submit fewer distinct combinations or spread them over further tasks",
                groups.len(),
                limits::GROUPS_MAX
            )));
        }
        Self::check_inputs(&groups)?;
        Ok(Self { groups })
    }

    /// Makes a submission of the deprecated flat form: single tasks with positions of the tasks each depends on (T-83).
    ///
    /// # Errors
    /// As [`Submission::new`], with the limits of LM-10 in place of the limit on groups.
    pub fn from_singles(singles: Vec<(NewTasks, Vec<u8>, Vec<i64>)>) -> Result<Self, SubmissionError> {
        let count = singles.len();
        if count == 0 || count > limits::SINGLES_MAX {
            return malformed(format!("tasks: {count} tasks, 1 to {} are allowed", limits::SINGLES_MAX));
        }
        let mut dependents = vec![Vec::new(); count];
        let mut dependencies = Vec::with_capacity(count);
        for (position, (_, _, depends_on)) in singles.iter().enumerate() {
            let mut sorted = Vec::with_capacity(depends_on.len());
            for place in depends_on {
                let known =
                    usize::try_from(*place).ok().filter(|p| *p < count && *place <= limits::SINGLE_DEPENDENCY_MAX);
                let Some(place) = known else {
                    return malformed(format!(
                        "tasks[{position}].dependencies: {place} is not a position from 0 to {} in the list of {count} tasks",
                        limits::SINGLE_DEPENDENCY_MAX
                    ));
                };
                sorted.push(place);
            }
            sorted.sort_unstable();
            sorted.dedup();
            for place in &sorted {
                dependents[*place].push(position);
            }
            dependencies.push(sorted);
        }
        let mut group_of_key: HashMap<(&[usize], &[usize]), usize> = HashMap::new();
        let mut group_of = Vec::with_capacity(count);
        for position in 0..count {
            let next = group_of_key.len();
            group_of.push(*group_of_key.entry((&dependencies[position], &dependents[position])).or_insert(next));
        }
        let mut groups = vec![NewGroup::default(); group_of_key.len()];
        for (position, (task, input, _)) in singles.into_iter().enumerate() {
            let group = &mut groups[group_of[position]];
            if group.inputs.is_empty() {
                group.dependencies = dependencies[position].iter().map(|place| group_of[*place]).collect();
                group.dependencies.sort_unstable();
                group.dependencies.dedup();
            }
            group.push(task, input);
        }
        Self::check_structure(&groups)?;
        Self::check_inputs(&groups)?;
        Ok(Self { groups })
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[NewGroup] {
        &self.groups
    }

    /// How many tasks it has.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.groups.iter().map(|group| group.inputs.len() as u64).sum()
    }

    fn check_structure(groups: &[NewGroup]) -> Result<(), SubmissionError> {
        for (index, group) in groups.iter().enumerate() {
            if group.inputs.is_empty() {
                return malformed(format!("task_groups[{index}].inputs: a group needs at least one task"));
            }
            let counted: u64 = group.tasks.iter().map(|tasks| tasks.count).sum();
            if counted != group.inputs.len() as u64 {
                return malformed(format!(
                    "task_groups[{index}]: {counted} tasks but {} inputs; all lists of a group are equally long",
                    group.inputs.len()
                ));
            }
            if let Some(unknown) = group.dependencies.iter().find(|dependency| **dependency >= groups.len()) {
                return malformed(format!(
                    "task_groups[{index}].dependencies_on_other_groups: there is no group {unknown} among {}",
                    groups.len()
                ));
            }
        }
        check_total(groups.iter().map(|group| group.inputs.len() as u64).sum())?;
        match cycle_member(groups) {
            Some(index) => malformed(format!(
                "task_groups[{index}].dependencies_on_other_groups: the groups depend on each other in a circle"
            )),
            None => Ok(()),
        }
    }

    fn check_inputs(groups: &[NewGroup]) -> Result<(), SubmissionError> {
        for (index, group) in groups.iter().enumerate() {
            let long = group.inputs.iter().position(|input| input.len() > limits::INPUT_BYTES_MAX);
            if let Some(place) = long {
                return Err(SubmissionError::OverLimit(format!(
                    "task_groups[{index}].inputs[{place}]: the input has {} bytes, at most {} are allowed; put large data \
                     into the job cache or object storage and pass a reference",
                    group.inputs[place].len(),
                    limits::INPUT_BYTES_MAX
                )));
            }
        }
        Ok(())
    }
}

impl NewGroup {
    /// Appends one task, joining it to the last run of tasks if it is equal to them.
    pub fn push(&mut self, task: NewTasks, input: Vec<u8>) {
        Arc::make_mut(&mut self.inputs).push(input);
        match self.tasks.last_mut() {
            Some(last) if last.same_as(&task) => last.count += task.count,
            _ => self.tasks.push(task),
        }
    }
}

impl NewTasks {
    fn same_as(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.identifier == other.identifier
            && self.max_retries == other.max_retries
            && self.optional == other.optional
            && self.display == other.display
    }
}

/// Checks how many tasks a submission has in all (LM-29).
fn check_total(tasks: u64) -> Result<(), SubmissionError> {
    if tasks <= limits::TASKS_MAX {
        return Ok(());
    }
    malformed(format!("task_groups: {tasks} tasks, at most {} fit into one submission", limits::TASKS_MAX))
}

/// A group that is part of a cycle, if any: removes groups nobody waits for until none is left.
fn cycle_member(groups: &[NewGroup]) -> Option<usize> {
    let mut waits: Vec<usize> = Vec::with_capacity(groups.len());
    let mut dependents = vec![Vec::new(); groups.len()];
    for (index, group) in groups.iter().enumerate() {
        let mut distinct = group.dependencies.clone();
        distinct.sort_unstable();
        distinct.dedup();
        waits.push(distinct.len());
        for dependency in distinct {
            dependents[dependency].push(index);
        }
    }
    let mut free: Vec<usize> = (0..groups.len()).filter(|index| waits[*index] == 0).collect();
    while let Some(index) = free.pop() {
        for dependent in std::mem::take(&mut dependents[index]) {
            waits[dependent] -= 1;
            if waits[dependent] == 0 {
                free.push(dependent);
            }
        }
    }
    waits.iter().position(|count| *count > 0)
}

/// Display text as it is stored: at most 1024 characters (T-43).
pub(crate) fn stored_display(display: &str) -> &str {
    match display.char_indices().nth(limits::DISPLAY_CHARS_MAX) {
        Some((end, _)) => &display[..end],
        None => display,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifier::Version;

    fn tasks(count: u64) -> NewTasks {
        let version = Version::parse("v0.0").expect("a version");
        NewTasks {
            count,
            cluster: "".into(),
            identifier: Identifier { name: "T".into(), version },
            max_retries: 0,
            optional: false,
            display: "T".into(),
        }
    }

    fn group(dependencies: &[usize]) -> NewGroup {
        NewGroup { dependencies: dependencies.to_vec(), tasks: vec![tasks(1)], inputs: Arc::new(vec![vec![]]) }
    }

    #[test]
    fn t_95_cycles_self_dependencies_and_unknown_groups_are_malformed() {
        for groups in [
            vec![group(&[0])],
            vec![group(&[1]), group(&[0])],
            vec![group(&[]), group(&[2]), group(&[1])],
            vec![group(&[1])],
            vec![],
            vec![NewGroup { dependencies: vec![], tasks: vec![], inputs: Arc::default() }],
            vec![NewGroup { dependencies: vec![], tasks: vec![tasks(2)], inputs: Arc::new(vec![vec![]]) }],
        ] {
            let result = Submission::new(groups.clone());
            assert!(matches!(result, Err(SubmissionError::Malformed(_))), "{groups:?}: {result:?}");
        }
    }

    #[test]
    fn t_96_a_group_may_depend_on_one_listed_after_it() {
        assert!(Submission::new(vec![group(&[1]), group(&[])]).is_ok());
    }

    #[test]
    fn t_98_t_100_lm_1_64_groups_are_accepted_and_65_are_not() {
        let chain =
            |length: usize| (0..length).map(|i| group(&i.checked_sub(1).into_iter().collect::<Vec<_>>())).collect();
        assert!(Submission::new(chain(64)).is_ok());
        let refused = Submission::new(chain(65)).expect_err("one group too many");
        assert!(
            matches!(&refused, SubmissionError::OverLimit(text) if text.contains("65") && text.contains("64")),
            "{refused}"
        );
    }

    #[test]
    fn t_31_lm_2_inputs_have_at_most_2048_bytes() {
        let with_input = |bytes: usize| {
            Submission::new(vec![NewGroup {
                dependencies: vec![],
                tasks: vec![tasks(1)],
                inputs: Arc::new(vec![vec![0; bytes]]),
            }])
        };
        assert!(with_input(2048).is_ok());
        let refused = with_input(2049).expect_err("one byte too many").to_string();
        assert!(refused.contains("2049") && refused.contains("2048") && refused.contains("inputs[0]"), "{refused}");
    }

    #[test]
    fn t_83_a_flat_list_becomes_groups_of_equal_dependencies_and_dependents() {
        let single = |depends_on: &[i64]| (tasks(1), vec![], depends_on.to_vec());
        let submission = Submission::from_singles(vec![single(&[]), single(&[]), single(&[0, 1]), single(&[])]);
        let groups = submission.expect("well formed").groups;
        assert_eq!(groups.iter().map(|g| g.inputs.len()).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(groups[1].dependencies, [0]);
        assert!(Submission::from_singles(vec![single(&[1]), single(&[0])]).is_err(), "a cycle");
        assert!(Submission::from_singles(vec![single(&[1])]).is_err(), "an unknown position");
        let mut far = vec![single(&[]); 66];
        far[65] = single(&[64]);
        assert!(Submission::from_singles(far).is_err(), "positions end at 63");
    }

    #[test]
    fn t_83_lm_10_a_flat_list_has_1_to_1000_tasks_that_depend_on_positions_up_to_63() {
        let list = |count: usize, depends_on: &[i64]| {
            let mut singles = vec![(tasks(1), vec![], Vec::new()); count];
            if let Some(last) = singles.last_mut() {
                last.2 = depends_on.to_vec();
            }
            Submission::from_singles(singles).map(|submission| submission.tasks())
        };
        for (count, depends_on, accepted) in [
            (0, &[][..], false),
            (1, &[], true),
            (1000, &[], true),
            (1001, &[], false),
            (1000, &[0, 63], true),
            (1000, &[64], false),
            (1000, &[-1], false),
            (3, &[3], false),
        ] {
            let result = list(count, depends_on);
            assert_eq!(result.is_ok(), accepted, "{count} tasks, {depends_on:?}: {result:?}");
            assert!(result.is_err() || result == Ok(count as u64));
        }
    }

    #[test]
    fn lm_29_a_submission_has_no_more_tasks_than_ids_are_kept_apart() {
        assert!(check_total(limits::TASKS_MAX).is_ok());
        let refused = check_total(limits::TASKS_MAX + 1).expect_err("one task too many").to_string();
        assert!(refused.contains("2147483649") && refused.contains("2147483648"), "{refused}");
    }

    #[test]
    fn t_80_neighbours_that_differ_in_nothing_but_their_input_are_one_run() {
        let plain = tasks(1);
        let version = Version::parse("v0.1").expect("a version");
        let different = [
            NewTasks { cluster: "gpu".into(), ..plain.clone() },
            NewTasks { identifier: Identifier { version, ..plain.identifier.clone() }, ..plain.clone() },
            NewTasks { max_retries: 1, ..plain.clone() },
            NewTasks { optional: true, ..plain.clone() },
            NewTasks { display: "U".into(), ..plain.clone() },
        ];
        for other in different {
            let mut group = NewGroup::default();
            for task in [&plain, &plain, &other, &other, &other, &plain] {
                group.push(task.clone(), vec![]);
            }
            let counts: Vec<u64> = group.tasks.iter().map(|run| run.count).collect();
            assert_eq!((counts, group.inputs.len()), (vec![2, 3, 1], 6), "{other:?}");
        }
    }

    #[test]
    fn t_43_displays_are_cut_at_1024_characters_not_bytes() {
        let long = "é".repeat(1025);
        assert_eq!(stored_display(&long).chars().count(), 1024);
        assert_eq!(stored_display("short"), "short");
    }
}
