//! Diagrams: a job as a graph of boxes, a text as one, and how to draw them (V-1 to V-19).

use std::collections::HashMap;

use boxwood_diagram::{Graph, Node, Options, State, Theme, d2, fold};
use boxwood_engine::{ClassKey, GroupKey, TaskId, TaskKey, TaskState};
use boxwood_proto::workflows::v1::{
    RenderDiagramRequestView, RenderOptionsView, VisualizeJobRequestView, WorkflowDiagramTheme,
};
use boxwood_store::{JobGraph, JobOutline, TaskRun};

use crate::validate::{Invalid, invalid};

/// The widest margin drawn, in pixels; more is of no use and makes a picture unreadable.
const PADDING_PX_MAX: u32 = 1000;
/// D2's number of its usual theme.
const THEME_ID_LIGHT: i64 = 0;
/// D2's number of its usual dark theme.
const THEME_ID_DARK: i64 = 200;

/// Reads how a job is to be drawn.
pub(crate) fn options(request: &VisualizeJobRequestView<'_>) -> Result<Options, Invalid> {
    let mut options = request.render_options.as_option().map_or_else(|| Ok(Options::default()), render_options)?;
    options.title = request.include_job_name;
    options.theme = match request.theme.as_known() {
        Some(WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_UNSPECIFIED) => Theme::Light,
        Some(WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_LIGHT) => Theme::Light,
        Some(WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_DARK) => Theme::Dark,
        Some(WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_CONSOLE_LIGHT) => Theme::ConsoleLight,
        Some(WorkflowDiagramTheme::WORKFLOW_DIAGRAM_THEME_CONSOLE_DARK) => Theme::ConsoleDark,
        None => return invalid(format!("theme: {} is no theme", request.theme.to_i32())),
    };
    Ok(options)
}

/// Reads a text to be drawn, with up to `boxes_max` boxes, and how (V-19).
pub(crate) fn text(request: &RenderDiagramRequestView<'_>, boxes_max: usize) -> Result<(Graph, Options), Invalid> {
    let mut options = Options::default();
    let mut is_turned = false;
    if let Some(wire) = request.render_options.as_option() {
        options = render_options(wire)?;
        is_turned = !wire.direction.is_empty();
        options.theme = match wire.theme_id {
            None | Some(THEME_ID_LIGHT) => Theme::Light,
            Some(THEME_ID_DARK) => Theme::Dark,
            Some(other) => {
                return invalid(format!(
                    "render_options.theme_id: {other} is no theme; themes are {THEME_ID_LIGHT} (light) and \
                     {THEME_ID_DARK} (dark)"
                ));
            }
        };
    }
    let read = d2::read(request.diagram, boxes_max).map_err(|error| Invalid(format!("diagram: {error}")))?;
    if let Some(direction) = read.direction.filter(|_| !is_turned) {
        options.direction = direction;
    }
    options.title = true;
    Ok((read.graph, options))
}

/// Reads the options that all drawings have.
fn render_options(wire: &RenderOptionsView<'_>) -> Result<Options, Invalid> {
    let padding = match u32::try_from(wire.padding) {
        Ok(padding) => padding.min(PADDING_PX_MAX),
        Err(_) if wire.padding > 0 => PADDING_PX_MAX,
        Err(_) => {
            return invalid(format!("render_options.padding: is {}, 0 or more pixels are allowed", wire.padding));
        }
    };
    Ok(Options {
        layout: wire.layout.parse().map_err(|error| Invalid(format!("render_options.layout: {error}")))?,
        direction: wire.direction.parse().map_err(|error| Invalid(format!("render_options.direction: {error}")))?,
        padding,
        sketchy: wire.sketchy,
        ..Options::default()
    })
}

/// A job's tasks as a graph to draw, in submission order (V-15).
pub(crate) fn graph(job: JobGraph) -> Graph {
    let mut place_of: HashMap<TaskId, usize> = HashMap::with_capacity(job.tasks.len());
    let mut members: HashMap<GroupKey, Vec<usize>> = HashMap::new();
    for (place, task) in job.tasks.iter().enumerate() {
        place_of.insert(task.id, place);
        members.entry(task.group).or_default().push(place);
    }
    let mut nodes: Vec<Node> = job
        .tasks
        .into_iter()
        .map(|task| Node {
            label: task.display,
            state: state(task.state),
            optional: task.optional,
            parent: task.parent.and_then(|parent| place_of.get(&parent).copied()),
            more_parents: Vec::new(),
            depends_on: Vec::new(),
            stack: None,
            task: Some(task.id.to_u128()),
        })
        .collect();
    for group in &job.groups {
        let Some(dependencies) = members.get(&group.key) else { continue };
        for dependent in group.dependents.iter().filter_map(|key| members.get(key)).flatten() {
            nodes[*dependent].depends_on.extend(dependencies);
        }
    }
    Graph { title: Some(job.job.job.name.clone()), nodes }
}

/// A job's tasks as they are folded, in submission order (V-20).
pub(crate) fn to_fold(job: JobOutline) -> fold::Job {
    let group_of: HashMap<GroupKey, usize> =
        job.groups.iter().enumerate().map(|(place, group)| (group.key, place)).collect();
    let mut waits = vec![Vec::new(); job.groups.len()];
    for (place, group) in job.groups.iter().enumerate() {
        for dependent in group.dependents.iter().filter_map(|key| group_of.get(key)) {
            waits[*dependent].push(place);
        }
    }
    let mut runs = job.runs;
    // Small jobs are drawn as they are.
    if runs.iter().map(|run| run.count).sum::<u64>() <= fold::TASKS_UNFOLDED_MAX as u64 {
        runs = runs.iter().flat_map(singles).collect();
    }
    // Where the task is that submitted each group.
    let parents: Vec<Option<usize>> = job.groups.iter().map(|group| place_of(&runs, group.parent?)).collect();
    let mut work_of = HashMap::new();
    let works: HashMap<ClassKey, usize> = job
        .classes
        .iter()
        .map(|class| {
            let next = work_of.len();
            (class.key, *work_of.entry(&class.identifier).or_insert(next))
        })
        .collect();
    let tasks = runs.into_iter().map(|run| fold::Task {
        label: run.display,
        count: usize::try_from(run.count).unwrap_or(usize::MAX),
        work: works.get(&run.class).copied().unwrap_or(usize::MAX),
        state: state(run.state),
        optional: run.optional,
        id: (run.count == 1).then(|| job.groups[run.group].task_id(run.first).to_u128()),
        parent: parents[run.group],
        group: run.group,
    });
    fold::Job { tasks: tasks.collect(), title: Some(job.job.job.name.clone()), waits }
}

/// The tasks of a run one by one.
fn singles(run: &TaskRun) -> impl Iterator<Item = TaskRun> {
    (0..run.count).map(|place| TaskRun { first: TaskKey(run.first.0 + place), count: 1, ..run.clone() })
}

/// The place of the run that holds a task; they are in order of their keys.
fn place_of(runs: &[TaskRun], task: TaskKey) -> Option<usize> {
    let place = runs.partition_point(|run| run.first <= task).checked_sub(1)?;
    (task.0 - runs[place].first.0 < runs[place].count).then_some(place)
}

fn state(state: TaskState) -> State {
    match state {
        TaskState::Queued => State::Queued,
        TaskState::Running => State::Running,
        TaskState::Computed => State::Computed,
        TaskState::Failed => State::Failed,
        TaskState::Skipped => State::Skipped,
        TaskState::FailedOptional => State::FailedOptional,
    }
}
