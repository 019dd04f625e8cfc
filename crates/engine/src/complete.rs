//! What follows when tasks become complete: dependents become ready, parents become complete (T-92, S-21).

use crate::group::Slice;
use crate::id::GroupKey;
use crate::step::Stop;
use crate::working_set::WorkingSet;

/// Notes that `count` more tasks of a group are complete, and carries the news to the groups that wait for it and to the
/// parent, as far up as it reaches.
pub(crate) fn tasks(set: &mut WorkingSet, group: GroupKey, count: u64) -> Result<(), Stop> {
    let mut key = group;
    let mut count = count;
    loop {
        let state = set.group_state_mut(key)?;
        state.open = state.open.checked_sub(count).expect("only open tasks become complete");
        if state.open > 0 || count == 0 {
            return Ok(());
        }
        let group = set.group(key)?;
        for dependent in &group.dependents {
            let waiting = set.group_state_mut(*dependent)?;
            waiting.blocked = waiting.blocked.checked_sub(1).expect("a group waits for each dependency once");
            if waiting.blocked == 0 && !waiting.skipped {
                make_ready(set, *dependent)?;
            }
        }
        let Some(parent) = group.parent else {
            return Ok(());
        };
        let parent = set.task_mut(parent)?;
        parent.open_groups = parent.open_groups.checked_sub(1).expect("a group completes once");
        if parent.open_groups > 0 {
            return Ok(());
        }
        key = parent.group;
        count = 1;
    }
}

/// Makes all tasks of a group that waits for nothing ready to be handed out.
pub(crate) fn make_ready(set: &mut WorkingSet, key: GroupKey) -> Result<(), Stop> {
    let group = set.group(key)?;
    let halted = set.status(group.job)?.is_halted();
    let mut slices = group.slices.iter().peekable();
    while let Some(Slice { start, count, class, .. }) = slices.next() {
        let mut end = start + count;
        while let Some(next) = slices.next_if(|next| next.class == *class) {
            end = next.start + next.count;
        }
        set.add_ready(group.job, *class, group.depth, key.0 + start..key.0 + end, key, false)?;
        // The queue of a halted job is filled again when the job is retried.
        if !halted {
            set.enqueue(*class, group.job)?;
        }
    }
    Ok(())
}
