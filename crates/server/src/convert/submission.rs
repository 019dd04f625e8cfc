//! Submissions: groups of tasks that point into lookup lists become runs of equal tasks (T-80 to T-83).

use std::collections::HashMap;
use std::sync::Arc;

use boxwood_engine::{Identifier, NewGroup, NewTasks, Submission, SubmissionError};
use boxwood_proto::workflows::v1::{SingleTaskSubmissionView, TaskSubmissionGroupView, TaskSubmissionsView};

use crate::validate::{self, Invalid};

/// Why a submission is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its form is wrong.
    Malformed(Invalid),
    /// User code asked for what is not allowed.
    Content(String),
}

impl Refused {
    /// The same for a job, where there is no difference between the two.
    pub(crate) fn into_invalid(self) -> Invalid {
        match self {
            Self::Malformed(invalid) => invalid,
            Self::Content(message) => Invalid(message),
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::Malformed(invalid)
    }
}

impl From<SubmissionError> for Refused {
    fn from(error: SubmissionError) -> Self {
        match error {
            SubmissionError::Malformed(message) => Self::Malformed(Invalid(message)),
            SubmissionError::OverLimit(message) => Self::Content(message),
        }
    }
}

fn malformed<T>(message: String) -> Result<T, Refused> {
    Err(Refused::Malformed(Invalid(message)))
}

/// The lookup lists, each distinct value once. Clients may list ten thousand equal identifiers.
struct Lookups {
    clusters: Vec<Arc<str>>,
    cluster_of: Vec<usize>,
    identifiers: Vec<Identifier>,
    identifier_of: Vec<usize>,
    displays: Vec<Arc<str>>,
    display_of: Vec<usize>,
}

/// What tells one task of a group from its neighbour, apart from the input.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    cluster: usize,
    identifier: usize,
    display: usize,
    max_retries: u32,
    optional: bool,
}

/// Reads a submission in the grouped form.
pub(crate) fn submission(tasks: &TaskSubmissionsView<'_>) -> Result<Submission, Refused> {
    let mut content = None;
    let lookups = Lookups::read(tasks, &mut content)?;
    let mut groups = Vec::with_capacity(tasks.task_groups.len());
    for (index, wire) in tasks.task_groups.iter().enumerate() {
        groups.push(group(index, wire, &lookups, &mut content)?);
    }
    let submission = Submission::new(groups)?;
    // Structure first: a malformed submission is refused whatever else is wrong with it.
    match content {
        Some(message) => Err(Refused::Content(message)),
        None => Ok(submission),
    }
}

impl Lookups {
    fn read(tasks: &TaskSubmissionsView<'_>, content: &mut Option<String>) -> Result<Self, Refused> {
        let mut lookups = Self {
            clusters: Vec::new(),
            cluster_of: Vec::with_capacity(tasks.cluster_slug_lookup.len()),
            identifiers: Vec::new(),
            identifier_of: Vec::with_capacity(tasks.identifier_lookup.len()),
            displays: Vec::new(),
            display_of: Vec::with_capacity(tasks.display_lookup.len()),
        };
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (index, slug) in tasks.cluster_slug_lookup.iter().enumerate() {
            if let Err(Invalid(message)) = validate::slug(format_args!("cluster_slug_lookup[{index}]"), slug) {
                content.get_or_insert(message);
            }
            lookups.cluster_of.push(*known.entry(slug).or_insert_with(|| {
                lookups.clusters.push((*slug).into());
                lookups.clusters.len() - 1
            }));
        }
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        for (index, wire) in tasks.identifier_lookup.iter().enumerate() {
            let key = (wire.name, wire.version);
            if let Some(place) = known.get(&key) {
                lookups.identifier_of.push(*place);
                continue;
            }
            let field = format_args!("identifier_lookup[{index}]");
            lookups.identifiers.push(validate::identifier(field, wire.name, wire.version)?);
            known.insert(key, lookups.identifiers.len() - 1);
            lookups.identifier_of.push(lookups.identifiers.len() - 1);
        }
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (index, display) in tasks.display_lookup.iter().enumerate() {
            if display.is_empty() {
                return malformed(format!("display_lookup[{index}]: is empty, at least 1 character is needed"));
            }
            lookups.display_of.push(*known.entry(display).or_insert_with(|| {
                lookups.displays.push((*display).into());
                lookups.displays.len() - 1
            }));
        }
        Ok(lookups)
    }

    fn tasks(&self, kind: Kind, count: u64) -> NewTasks {
        NewTasks {
            count,
            cluster: self.clusters[kind.cluster].clone(),
            identifier: self.identifiers[kind.identifier].clone(),
            max_retries: kind.max_retries,
            optional: kind.optional,
            display: self.displays[kind.display].clone(),
        }
    }
}

fn group(
    index: usize,
    wire: &TaskSubmissionGroupView<'_>,
    lookups: &Lookups,
    content: &mut Option<String>,
) -> Result<NewGroup, Refused> {
    let count = wire.inputs.len();
    let lists = [
        ("identifier_pointers", wire.identifier_pointers.len(), false),
        ("cluster_slug_pointers", wire.cluster_slug_pointers.len(), false),
        ("display_pointers", wire.display_pointers.len(), false),
        ("max_retries_values", wire.max_retries_values.len(), false),
        ("optional_values", wire.optional_values.len(), true),
    ];
    for (list, length, may_be_empty) in lists {
        if length != count && !(may_be_empty && length == 0) {
            return malformed(format!(
                "task_groups[{index}].{list}: has {length} entries for {count} inputs, as many are needed"
            ));
        }
    }
    let mut tasks: Vec<NewTasks> = Vec::new();
    let mut run: Option<(Kind, u64)> = None;
    for place in 0..count {
        let at = |list: &str, pointer: u64, places: &[usize]| -> Result<usize, Refused> {
            let found = usize::try_from(pointer).ok().and_then(|pointer| places.get(pointer)).copied();
            found.ok_or_else(|| {
                Refused::Malformed(Invalid(format!(
                    "task_groups[{index}].{list}[{place}]: there is no entry {pointer} in a lookup list of {}",
                    places.len()
                )))
            })
        };
        let retries = wire.max_retries_values[place];
        let kind = Kind {
            cluster: at("cluster_slug_pointers", wire.cluster_slug_pointers[place], &lookups.cluster_of)?,
            identifier: at("identifier_pointers", wire.identifier_pointers[place], &lookups.identifier_of)?,
            display: at("display_pointers", wire.display_pointers[place], &lookups.display_of)?,
            max_retries: match validate::max_retries(
                format_args!("task_groups[{index}].max_retries_values[{place}]"),
                retries,
            ) {
                Ok(retries) => retries,
                Err(Invalid(message)) => {
                    content.get_or_insert(message);
                    0
                }
            },
            optional: wire.optional_values.get(place).copied().unwrap_or(false),
        };
        match &mut run {
            Some((same, count)) if *same == kind => *count += 1,
            _ => {
                tasks.extend(run.map(|(kind, count)| lookups.tasks(kind, count)));
                run = Some((kind, 1));
            }
        }
    }
    tasks.extend(run.map(|(kind, count)| lookups.tasks(kind, count)));
    Ok(NewGroup {
        dependencies: wire.dependencies_on_other_groups.iter().map(|group| *group as usize).collect(),
        tasks,
        inputs: Arc::new(wire.inputs.iter().map(|input| input.to_vec()).collect()),
    })
}

/// Reads a submission in the deprecated flat form (T-83); `field` is the list's name on the wire.
pub(crate) fn singles(field: &str, tasks: &[SingleTaskSubmissionView<'_>]) -> Result<Submission, Refused> {
    let mut singles = Vec::with_capacity(tasks.len());
    let mut content = None;
    for (index, wire) in tasks.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let Some(identifier) = wire.identifier.as_option() else {
            return malformed(format!("{field}.identifier: is required"));
        };
        if let Err(Invalid(message)) = validate::slug(format_args!("{field}.cluster_slug"), wire.cluster_slug) {
            content.get_or_insert(message);
        }
        if wire.display.is_empty() {
            return malformed(format!("{field}.display: is empty, at least 1 character is needed"));
        }
        let task = NewTasks {
            count: 1,
            cluster: wire.cluster_slug.into(),
            identifier: validate::identifier(format_args!("{field}.identifier"), identifier.name, identifier.version)?,
            max_retries: validate::max_retries(format_args!("{field}.max_retries"), wire.max_retries)?,
            optional: false,
            display: wire.display.into(),
        };
        singles.push((task, wire.input.to_vec(), wire.dependencies.to_vec()));
    }
    let submission = Submission::from_singles(singles)?;
    match content {
        Some(message) => Err(Refused::Content(message)),
        None => Ok(submission),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_proto::buffa::{HasMessageView as _, Message as _};
    use boxwood_proto::workflows::v1::{TaskIdentifier, TaskSubmissionGroup, TaskSubmissions};

    fn wire(tasks: usize) -> TaskSubmissions {
        TaskSubmissions {
            task_groups: vec![TaskSubmissionGroup {
                inputs: vec![b"1".to_vec(); tasks],
                identifier_pointers: vec![0; tasks],
                cluster_slug_pointers: vec![0; tasks],
                display_pointers: vec![0; tasks],
                max_retries_values: vec![0; tasks],
                ..Default::default()
            }],
            cluster_slug_lookup: vec![String::new()],
            identifier_lookup: vec![TaskIdentifier { name: "T".into(), version: "v0.0".into(), ..Default::default() }],
            display_lookup: vec!["T".into()],
            ..Default::default()
        }
    }

    fn read(wire: &TaskSubmissions) -> Result<Submission, Refused> {
        let bytes = wire.encode_to_vec();
        submission(&TaskSubmissions::decode_view(&bytes).expect("just encoded"))
    }

    #[test]
    fn t_80_neighbours_that_differ_in_nothing_but_their_input_become_one_run() {
        let mut wire = wire(4);
        let group = &mut wire.task_groups[0];
        group.optional_values = vec![false, false, true, true];
        group.max_retries_values = vec![0, 0, 0, 2];
        let groups = read(&wire).expect("well formed").groups().to_vec();
        let runs: Vec<_> = groups[0].tasks.iter().map(|run| (run.count, run.optional, run.max_retries)).collect();
        assert_eq!(runs, [(2, false, 0), (1, true, 0), (1, true, 2)]);
        assert_eq!(groups[0].inputs.len(), 4);
    }

    #[test]
    fn equal_entries_of_a_lookup_list_are_one() {
        let mut wire = wire(3);
        wire.identifier_lookup = vec![wire.identifier_lookup[0].clone(); 3];
        wire.display_lookup = vec!["T".into(); 3];
        wire.cluster_slug_lookup = vec!["dev".into(); 3];
        let group = &mut wire.task_groups[0];
        group.identifier_pointers = vec![0, 1, 2];
        group.display_pointers = vec![2, 1, 0];
        group.cluster_slug_pointers = vec![1, 2, 0];
        let submission = read(&wire).expect("well formed");
        assert_eq!(submission.groups()[0].tasks.len(), 1);
        assert_eq!(submission.groups()[0].tasks[0].count, 3);
    }

    #[test]
    fn r_50_what_no_sdk_can_send_is_malformed() {
        type Change = fn(&mut TaskSubmissions);
        let table: [(Change, &str); 15] = [
            (|w| w.task_groups.clear(), "task_groups"),
            (|w| w.task_groups[0] = TaskSubmissionGroup::default(), "task_groups[0].inputs"),
            (
                |w| {
                    w.task_groups[0].inputs.pop();
                },
                "task_groups[0].identifier_pointers",
            ),
            (
                |w| {
                    w.task_groups[0].identifier_pointers.pop();
                },
                "task_groups[0].identifier_pointers",
            ),
            (
                |w| {
                    w.task_groups[0].cluster_slug_pointers.pop();
                },
                "task_groups[0].cluster_slug_pointers",
            ),
            (
                |w| {
                    w.task_groups[0].display_pointers.pop();
                },
                "task_groups[0].display_pointers",
            ),
            (
                |w| {
                    w.task_groups[0].max_retries_values.pop();
                },
                "task_groups[0].max_retries_values",
            ),
            (|w| w.task_groups[0].optional_values.push(true), "task_groups[0].optional_values"),
            (|w| w.task_groups[0].identifier_pointers[1] = 1, "task_groups[0].identifier_pointers[1]"),
            (|w| w.task_groups[0].cluster_slug_pointers[1] = u64::MAX, "task_groups[0].cluster_slug_pointers[1]"),
            (|w| w.task_groups[0].display_pointers[0] = 7, "task_groups[0].display_pointers[0]"),
            (|w| w.task_groups[0].dependencies_on_other_groups.push(0), "dependencies_on_other_groups"),
            (|w| w.task_groups[0].dependencies_on_other_groups.push(1), "dependencies_on_other_groups"),
            (|w| w.display_lookup[0].clear(), "display_lookup[0]"),
            (|w| w.identifier_lookup[0].version.clear(), "identifier_lookup[0].version"),
        ];
        for (change, field) in table {
            let mut wire = wire(2);
            change(&mut wire);
            match read(&wire) {
                Err(Refused::Malformed(Invalid(message))) => assert!(message.contains(field), "{message}: {field}"),
                other => panic!("{field}: {other:?}"),
            }
        }
    }

    #[test]
    fn r_51_what_user_code_can_cause_is_content() {
        type Change = fn(&mut TaskSubmissions);
        let table: [(Change, &str); 4] = [
            (|w| w.task_groups[0].inputs[1] = vec![0; 2049], "task_groups[0].inputs[1]"),
            (|w| w.task_groups = vec![w.task_groups[0].clone(); 65], "65"),
            (|w| w.cluster_slug_lookup[0] = "my_cluster".into(), "cluster_slug_lookup[0]"),
            (|w| w.task_groups[0].max_retries_values[1] = -1, "task_groups[0].max_retries_values[1]"),
        ];
        for (change, says) in table {
            let mut wire = wire(2);
            change(&mut wire);
            match read(&wire) {
                Err(Refused::Content(message)) => assert!(message.contains(says), "{message}: {says}"),
                other => panic!("{says}: {other:?}"),
            }
            wire.task_groups[0].identifier_pointers[0] = 9;
            assert!(matches!(read(&wire), Err(Refused::Malformed(_))), "{says}: structure is judged first");
        }
    }
}
