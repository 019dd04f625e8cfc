//! What a job is going to be: its tasks, what they submit, and how they behave.

use std::collections::HashMap;

use boxwood_engine::{Identifier, Version};

/// One task of a job, and the tasks it submits when it is computed.
///
/// As text, one line a task, children indented below it:
///
/// ```text
/// Pipeline
///   Processing optional
///     Step1 fails=1 retries=1
///     Step2 after=Step1
///   Tile as=acme.Tile v1.3 on=gpu
///   a, b -> c              three siblings; c depends on a and b
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the test calls it; also its display.
    pub name: String,
    /// Its identifier; `Task` `v0.0` unless said otherwise.
    pub identifier: Identifier,
    /// The slug of its cluster; empty for the parent's.
    pub cluster: String,
    /// Whether it is submitted as optional.
    pub optional: bool,
    /// Further executions allowed after a failure.
    pub max_retries: u32,
    /// How many of its executions fail before one does not.
    pub failures: u32,
    /// The names of the siblings it depends on.
    pub after: Vec<String>,
    /// What it submits.
    pub children: Vec<Plan>,
}

/// The tasks of one submission.
#[derive(Clone, Debug)]
pub struct Plans(pub Vec<Plan>);

impl From<&str> for Plans {
    fn from(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<_> = lines.map(|line| (line.len() - line.trim_start().len(), line.trim())).collect();
        let (block, rest) = block(&lines);
        assert!(rest.is_empty(), "this line has less indentation than the first one: {:?}", rest[0].1);
        Self(block)
    }
}

impl From<&String> for Plans {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Plan> for Plans {
    fn from(plan: Plan) -> Self {
        Self(vec![plan])
    }
}

impl From<Vec<Plan>> for Plans {
    fn from(plans: Vec<Plan>) -> Self {
        Self(plans)
    }
}

impl Plan {
    /// A task that just succeeds.
    #[must_use]
    pub fn task(name: impl Into<String>) -> Self {
        let version = Version::parse("v0.0").expect("a version");
        Self {
            name: name.into(),
            identifier: Identifier { name: "Task".into(), version },
            cluster: String::new(),
            optional: false,
            max_retries: 0,
            failures: 0,
            after: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The same task, depending on siblings.
    #[must_use]
    pub fn after<S: Into<String>>(mut self, siblings: impl IntoIterator<Item = S>) -> Self {
        self.after.extend(siblings.into_iter().map(Into::into));
        self
    }

    /// The same task, submitting these too.
    #[must_use]
    pub fn submits(mut self, children: impl IntoIterator<Item = Plan>) -> Self {
        self.children.extend(children);
        self
    }

    fn from_words(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let mut plan = Self::task(words.next().expect("a task has a name"));
        let number = |text: &str| text.parse().expect("a number after the equals sign");
        for word in words {
            match word.split_once('=') {
                None if word == "optional" => plan.optional = true,
                None if word == "fails" => plan.failures = u32::MAX,
                Some(("fails", count)) => plan.failures = number(count),
                Some(("retries", count)) => plan.max_retries = number(count),
                Some(("on", slug)) => plan.cluster = slug.into(),
                Some(("as", name)) => plan.identifier.name = name.into(),
                Some(("after", names)) => plan.after.extend(names.split('+').map(str::to_owned)),
                _ => plan.identifier.version = Version::parse(word).expect("a known word or a version"),
            }
        }
        plan
    }
}

type Line<'a> = (usize, &'a str);

/// The tasks of the leading lines with the indentation of the first or more, and the other lines.
fn block<'a, 'b>(lines: &'b [Line<'a>]) -> (Vec<Plan>, &'b [Line<'a>]) {
    let mut tasks: Vec<Plan> = Vec::new();
    let mut rest = lines;
    let indent = lines.first().map_or(0, |line| line.0);
    while let Some((depth, line)) = rest.first().copied() {
        if depth < indent {
            break;
        }
        if depth > indent {
            let (children, after) = block(rest);
            tasks.last_mut().expect("the first line sets the indentation").children.extend(children);
            rest = after;
        } else {
            tasks.extend(chain(line));
            rest = &rest[1..];
        }
    }
    (tasks, rest)
}

/// Siblings of one line: `a, b -> c`.
fn chain(line: &str) -> Vec<Plan> {
    let mut tasks: Vec<Plan> = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for stage in line.split("->") {
        let stage: Vec<Plan> = stage.split(',').map(|words| Plan::from_words(words).after(before.clone())).collect();
        before = stage.iter().map(|task| task.name.clone()).collect();
        tasks.extend(stage);
    }
    tasks
}

/// Sibling tasks by group: those with the same dependencies and the same dependents are one group (T-80), groups in the
/// order of their first task, as the SDKs make them. Each group is the places of its tasks and the groups it depends on.
pub(crate) fn groups(siblings: &[Plan]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let place_of: HashMap<&str, usize> =
        siblings.iter().enumerate().map(|(place, task)| (task.name.as_str(), place)).collect();
    let mut dependents = vec![Vec::new(); siblings.len()];
    let mut dependencies = vec![Vec::new(); siblings.len()];
    for (place, task) in siblings.iter().enumerate() {
        for name in &task.after {
            let before = *place_of.get(name.as_str()).unwrap_or_else(|| panic!("there is no sibling {name:?}"));
            dependencies[place].push(before);
            dependents[before].push(place);
        }
        dependencies[place].sort_unstable();
        dependencies[place].dedup();
    }
    let mut known: HashMap<(&[usize], &[usize]), usize> = HashMap::new();
    let mut group_of = Vec::with_capacity(siblings.len());
    let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for place in 0..siblings.len() {
        let next = known.len();
        let group = *known.entry((&dependencies[place], &dependents[place])).or_insert(next);
        if group == next {
            groups.push((Vec::new(), Vec::new()));
        }
        groups[group].0.push(place);
        group_of.push(group);
    }
    for (group, (tasks, depends_on)) in groups.iter_mut().enumerate() {
        depends_on.extend(dependencies[tasks[0]].iter().map(|place| group_of[*place]));
        depends_on.sort_unstable();
        depends_on.dedup();
        debug_assert!(tasks.iter().all(|task| group_of[*task] == group), "a task is in one group");
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_gives_tasks_children_and_dependencies() {
        let plans = Plans::from(
            "
            root retries=2
              a, b optional -> c
                below
            other after=root v1.3
            ",
        )
        .0;
        assert_eq!(plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>(), ["root", "other"]);
        assert_eq!((plans[0].max_retries, plans[1].identifier.version.as_str()), (2, "v1.3"));
        let children = &plans[0].children;
        assert_eq!(children[2].after, ["a", "b"]);
        assert_eq!((children[1].optional, children[2].optional), (true, false));
        assert_eq!(children[2].children[0].name, "below");
    }

    #[test]
    fn siblings_with_equal_edges_are_one_group() {
        let plans = Plans::from("a, b -> c, d").0;
        assert_eq!(groups(&plans), [(vec![0, 1], vec![]), (vec![2, 3], vec![0])]);
    }
}
