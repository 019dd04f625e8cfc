//! Groups of tasks: those of one submission with the same dependencies and the same dependents (T-80, T-81).

use std::sync::Arc;

use crate::id::{ClassKey, GroupKey, JobKey, TaskId, TaskKey};
use crate::time::Timestamp;

/// What a group is, fixed when it is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its key, which is also that of its first task.
    pub key: GroupKey,
    /// The id of its first task.
    pub id: TaskId,
    /// The job it belongs to.
    pub job: JobKey,
    /// The task that submitted it; none for root tasks.
    pub parent: Option<TaskKey>,
    /// Distance from the root: 0 for root tasks.
    pub depth: u32,
    /// The nearest optional task among the parent and its ancestors.
    pub boundary: Option<TaskKey>,
    /// How many tasks it has.
    pub count: u64,
    /// The groups that wait for this one.
    pub dependents: Vec<GroupKey>,
    /// How many groups this one waits for, when submitted.
    pub dependencies: u32,
    /// Its tasks, in runs of equals.
    pub slices: Vec<Slice>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
}

/// Neighbouring tasks of a group that differ in nothing but their input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The place of its first task in the group.
    pub start: u64,
    /// How many tasks it has.
    pub count: u64,
    /// Their cluster and identifier.
    pub class: ClassKey,
    /// How often they may be executed again after a failure (T-110).
    pub max_retries: u32,
    /// Whether they were submitted as optional (T-120).
    pub optional: bool,
    /// Their display text as submitted (T-40).
    pub display: Arc<str>,
}

impl Group {
    /// Whether `task` belongs to the group.
    #[must_use]
    pub fn holds(&self, task: TaskKey) -> bool {
        task.0.checked_sub(self.key.0).is_some_and(|place| place < self.count)
    }

    /// The id of one of its tasks.
    #[must_use]
    pub fn task_id(&self, task: TaskKey) -> TaskId {
        self.id.offset(task.0 - self.key.0)
    }

    /// The task with this id, if it belongs to the group.
    #[must_use]
    pub fn task_with_id(&self, id: TaskId) -> Option<TaskKey> {
        let place = id.places_after(self.id).filter(|place| *place < self.count)?;
        Some(TaskKey(self.key.0 + place))
    }

    /// The slice that holds `task`.
    ///
    /// # Panics
    /// If the task is not of this group.
    #[must_use]
    pub fn slice_of(&self, task: TaskKey) -> &Slice {
        let place = task.0 - self.key.0;
        let after = self.slices.partition_point(|slice| slice.start <= place);
        after.checked_sub(1).and_then(|index| self.slices.get(index)).expect("slices cover the group from place 0")
    }

    /// The key after that of its last task.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.key.0 + self.count
    }
}

/// What changes about a group while it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// The group.
    pub key: GroupKey,
    /// Tasks of it that are not complete.
    pub open: u64,
    /// Groups it still waits for.
    pub blocked: u32,
    /// Its tasks that were never handed out are SKIPPED (T-127).
    pub skipped: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_82_a_group_holds_the_tasks_from_its_key_on_and_no_others() {
        let id = TaskId::from_u128(1000).expect("not zero");
        let group = Group {
            key: GroupKey(20),
            id,
            job: JobKey(1),
            parent: None,
            depth: 0,
            boundary: None,
            count: 3,
            dependents: Vec::new(),
            dependencies: 0,
            slices: Vec::new(),
            submitted_at: Timestamp(0),
        };
        let held: Vec<u64> = (0..30).filter(|key| group.holds(TaskKey(*key))).collect();
        assert_eq!((held, group.end()), (vec![20, 21, 22], 23));
        let known: Vec<u64> =
            (0..30).filter_map(|place| group.task_with_id(id.offset(place)).map(|key| key.0)).collect();
        assert_eq!(known, [20, 21, 22]);
    }
}
