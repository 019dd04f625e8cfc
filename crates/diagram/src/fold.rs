//! Folding (V-20): tasks that look alike as one stack, so that a job of any size is a picture to read.
//!
//! How alike tasks must be depends on how many boxes that leaves; see `Alike`. Work is linear in tasks and in
//! what groups wait for: arrows between single tasks are never listed, there can be billions.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use crate::graph::{Graph, Node, Stack, State};
use crate::text::grouped;

/// Jobs of so many tasks are drawn as they are, also when asked to fold.
pub const TASKS_UNFOLDED_MAX: usize = 40;

/// A job to be folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// The job's name.
    pub title: Option<String>,
    /// The tasks in submission order: no task comes before its parent. Neighbours that look alike may be given together,
    /// unless they are all of a job of [`TASKS_UNFOLDED_MAX`] or fewer tasks.
    pub tasks: Vec<Task>,
    /// For each group of tasks the groups it waits for.
    pub waits: Vec<Vec<usize>>,
}

/// A task of a [`Job`], or neighbours in one group that look alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The display text.
    pub label: Arc<str>,
    /// How many tasks these are.
    pub count: usize,
    /// What it does: a number that tasks with the same identifier share.
    pub work: usize,
    /// Its state.
    pub state: State,
    /// Whether the task itself was submitted as optional.
    pub optional: bool,
    /// The task that submitted it, by its place in [`Job::tasks`].
    pub parent: Option<usize>,
    /// Its id, shown with a box of its own (V-22).
    pub id: Option<u128>,
    /// Its group, by its place in [`Job::waits`]: tasks of one parent that wait for the same groups.
    pub group: usize,
}

/// What tasks in one stack have in common, beside what they do and being optional; from many boxes to few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alike {
    /// Their state, the stack of their parent, and the stacks they wait for and are awaited by.
    Siblings,
    /// The same without their state.
    SiblingsOfAnyState,
    /// The stack of their parent: sequences are folded too, and wait for themselves.
    Children,
    /// Nothing more: recursion is folded too, into stacks below themselves.
    Work,
}

impl Job {
    /// Whether no task will change its state unless somebody asks for it: all are done, or one has failed and none runs.
    fn is_settled(&self) -> bool {
        let any = |state| self.tasks.iter().any(|task| task.state == state);
        !any(State::Running) && (any(State::Failed) || !any(State::Queued))
    }
}

/// How alike tasks must be, and how many boxes are few enough to leave it at that. States apart are worth it in a small
/// picture; in others one box with a bar of states says more than several boxes. While tasks change their states, stacks
/// of one state would come and go, and everything else would move with them.
const LEVELS: [(Alike, usize); 4] =
    [(Alike::Siblings, 12), (Alike::SiblingsOfAnyState, 60), (Alike::Children, 60), (Alike::Work, 60)];

/// Draws tasks that look alike as stacks, unless the job is read easily as it is. The graph has more boxes than
/// `boxes_max` if the job does more different things.
pub fn fold(job: &Job, boxes_max: usize) -> Graph {
    let single = job.tasks.iter().all(|task| task.count == 1);
    if single && job.tasks.len() <= TASKS_UNFOLDED_MAX.min(boxes_max) {
        return Stacks { of: (0..job.tasks.len()).collect(), count: job.tasks.len() }.graph(job);
    }
    let mut drawable = None;
    let levels = if job.is_settled() { &LEVELS[..] } else { &LEVELS[1..] };
    for &(alike, few) in levels {
        let stacks = Stacks::of(job, alike);
        if stacks.count <= few.min(boxes_max) {
            return stacks.graph(job);
        }
        // If no level leaves few, the first one that can be drawn shows most.
        if alike != Alike::Siblings && (drawable.is_none() && stacks.count <= boxes_max || alike == Alike::Work) {
            drawable.get_or_insert(stacks);
        }
    }
    drawable.expect("the last level is always kept").graph(job)
}

/// Which stack each task is in.
struct Stacks {
    /// The stack of each task; stacks are in the order of their first task.
    of: Vec<usize>,
    count: usize,
}

/// Numbers for values, in the order in which they are first seen.
struct Numbers<T>(HashMap<T, usize>);

impl<T: Eq + Hash> Numbers<T> {
    fn new() -> Self {
        Numbers(HashMap::new())
    }

    fn of(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }
}

impl Stacks {
    fn of(job: &Job, alike: Alike) -> Self {
        let count = job.tasks.len();
        // What a task is like by itself.
        let mut looks = Numbers::new();
        let look_of: Vec<usize> = job
            .tasks
            .iter()
            .map(|task| looks.of((task.work, task.optional, (alike == Alike::Siblings).then_some(task.state))))
            .collect();
        if alike == Alike::Work {
            return Stacks::numbered(look_of);
        }
        let members = members(job);
        let awaited = match alike {
            Alike::Children => vec![0; job.waits.len()],
            _ => awaited_by(job, &members, &look_of),
        };
        let mut waits = Numbers::new();
        let mut stacks = Numbers::new();
        let mut of = vec![usize::MAX; count];
        // The stacks of each group's tasks, once they are known.
        let mut inside: Vec<Vec<usize>> = vec![Vec::new(); job.waits.len()];
        for group in in_order(job, &members) {
            let waited = match alike {
                Alike::Children => 0,
                _ => {
                    let waited = job.waits[group].iter().filter_map(|&group| inside.get(group));
                    waits.of(distinct(waited.flatten().copied()))
                }
            };
            for &task in &members[group] {
                let parent = job.tasks[task].parent.and_then(|parent| of.get(parent).copied());
                of[task] = stacks.of((look_of[task], parent, awaited[group], waited));
            }
            inside[group] = distinct(members[group].iter().map(|&task| of[task]));
        }
        Stacks::numbered(of)
    }

    /// Numbers stacks anew, by their first tasks.
    fn numbered(mut of: Vec<usize>) -> Self {
        let mut stacks = Numbers::new();
        for stack in &mut of {
            *stack = stacks.of(*stack);
        }
        Stacks { count: stacks.0.len(), of }
    }

    /// The stacks as a graph.
    fn graph(&self, job: &Job) -> Graph {
        let mut tasks_of: Vec<Vec<usize>> = vec![Vec::new(); self.count];
        for (task, &stack) in self.of.iter().enumerate() {
            tasks_of[stack].push(task);
        }
        let mut nodes: Vec<Node> = tasks_of.iter().map(|tasks| node(job, tasks)).collect();
        let mut parents: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.count];
        for (task, &stack) in job.tasks.iter().zip(&self.of) {
            parents[stack].extend(task.parent.and_then(|parent| self.of.get(parent)));
        }
        let stacks = |tasks: &Vec<usize>| distinct(tasks.iter().map(|&task| self.of[task]));
        let inside: Vec<Vec<usize>> = members(job).iter().map(stacks).collect();
        let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.count];
        for (group, groups) in job.waits.iter().enumerate() {
            for waited in groups.iter().filter_map(|&group| inside.get(group)) {
                for &stack in &inside[group] {
                    waits[stack].extend(waited);
                }
            }
        }
        for ((node, parents), waits) in nodes.iter_mut().zip(parents).zip(waits) {
            let mut parents = parents.into_iter();
            node.parent = parents.next();
            node.more_parents = parents.collect();
            node.depends_on = waits.into_iter().collect();
        }
        Graph { title: job.title.clone(), nodes }
    }
}

/// The tasks of each group.
fn members(job: &Job) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); job.waits.len()];
    for (at, task) in job.tasks.iter().enumerate() {
        if let Some(group) = members.get_mut(task.group) {
            group.push(at);
        }
    }
    members
}

/// Numbers in order, each once.
fn distinct(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut distinct: Vec<usize> = Vec::new();
    for number in numbers {
        // Neighbours are alike mostly, so the list is short when it is sorted.
        if distinct.last() != Some(&number) {
            distinct.push(number);
        }
    }
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// For each group a number for what kinds of tasks wait for it.
fn awaited_by(job: &Job, members: &[Vec<usize>], look_of: &[usize]) -> Vec<usize> {
    let mut looks: Vec<Vec<usize>> = vec![Vec::new(); job.waits.len()];
    for (group, waited) in job.waits.iter().enumerate() {
        let of_group = distinct(members[group].iter().map(|&task| look_of[task]));
        for &waited in waited {
            if let Some(looks) = looks.get_mut(waited) {
                looks.extend(&of_group);
            }
        }
    }
    let mut numbers = Numbers::new();
    looks.into_iter().map(|looks| numbers.of(distinct(looks.into_iter()))).collect()
}

/// The groups, each behind that of its parent and behind those it waits for. Where that is a cycle, which no job has,
/// some come earlier.
fn in_order(job: &Job, members: &[Vec<usize>]) -> Vec<usize> {
    let count = job.waits.len();
    let mut before: Vec<usize> = vec![0; count];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (group, waited) in job.waits.iter().enumerate() {
        let parents = members[group].first().and_then(|&task| job.tasks[task].parent);
        let parent = parents.and_then(|parent| job.tasks.get(parent)).map(|parent| parent.group);
        for &earlier in waited.iter().chain(&parent).filter(|&&earlier| earlier < count) {
            after[earlier].push(group);
            before[group] += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|&group| before[group] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for &group in &after[order[at]] {
            before[group] -= 1;
            if before[group] == 0 {
                order.push(group);
            }
        }
        at += 1;
    }
    order.extend((0..count).filter(|&group| before[group] > 0));
    order
}

/// The box of some tasks, without its arrows.
fn node(job: &Job, tasks: &[usize]) -> Node {
    let first = &job.tasks[tasks[0]];
    let mut node = Node::new(&*first.label, first.state);
    node.optional = first.optional;
    if tasks.len() > 1 || first.count > 1 {
        let mut stack = Stack::default();
        tasks.iter().for_each(|&task| stack.add(job.tasks[task].state, job.tasks[task].count));
        node.state = stack.state();
        let labels = tasks.iter().map(|&task| &*job.tasks[task].label);
        node.label = format!("{}\n× {}", shared_label(labels), grouped(stack.total()));
        node.stack = Some(stack);
    } else {
        node.task = first.id;
    }
    node
}

/// The text that all labels begin and end with. Of labels that differ only the first lines count: what follows is why
/// a task failed.
fn shared_label<'a>(mut labels: impl Iterator<Item = &'a str>) -> String {
    let Some(first) = labels.next() else { return String::new() };
    let line = first.lines().next().unwrap_or("");
    let (mut start, mut end) = (line, line);
    let (mut all_same, mut lines_same) = (true, true);
    for label in labels {
        all_same &= label == first;
        let other = label.lines().next().unwrap_or("");
        lines_same &= other == line;
        start = shared_start(start, other);
        end = shared_end(end, other);
    }
    if all_same {
        return first.trim_end_matches('\n').to_owned();
    }
    if lines_same {
        return line.to_owned();
    }
    // Both may lay claim to the same letters.
    let end = &end[end.len().saturating_sub(line.len() - start.len())..];
    let (start, end) = (
        start.trim_end_matches(|letter: char| letter.is_ascii_digit()),
        end.trim_start_matches(|letter: char| letter.is_ascii_digit()),
    );
    let before = line[..line.len() - end.len()].chars().next_back();
    let end = match before.is_some_and(char::is_alphanumeric) {
        // Half a word says nothing: "north-west" and "south-east" do not end alike.
        true => end.trim_start_matches(char::is_alphanumeric),
        false => end,
    };
    match start.trim().is_empty() {
        true => format!("{line} …"),
        false => format!("{start}…{end}"),
    }
}

fn shared_start<'a>(one: &'a str, other: &str) -> &'a str {
    let pairs = one.char_indices().zip(other.chars());
    let end = pairs.take_while(|((_, one), other)| one == other).last();
    &one[..end.map_or(0, |((at, letter), _)| at + letter.len_utf8())]
}

fn shared_end<'a>(one: &'a str, other: &str) -> &'a str {
    let pairs = one.char_indices().rev().zip(other.chars().rev());
    let start = pairs.take_while(|((_, one), other)| one == other).last();
    &one[start.map_or(one.len(), |((at, _), _)| at)..]
}

#[cfg(test)]
mod tests;
