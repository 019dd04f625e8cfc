//! Diagrams: a job as a graph of boxes, and how to draw it (V-1 to V-17).

use std::collections::HashMap;

use boxwood_diagram::{Graph, Node, Options, State, Theme};
use boxwood_engine::{GroupKey, TaskId, TaskState};
use boxwood_proto::workflows::v1::{VisualizeJobRequestView, WorkflowDiagramTheme};
use boxwood_store::JobGraph;

use crate::validate::{Invalid, invalid};

/// The widest margin drawn, in pixels; more is of no use and makes a picture unreadable.
const PADDING_PX_MAX: u32 = 1000;

/// Reads how a job is to be drawn.
pub(crate) fn options(request: &VisualizeJobRequestView<'_>) -> Result<Options, Invalid> {
    let mut options = Options { title: request.include_job_name, ..Options::default() };
    if let Some(wire) = request.render_options.as_option() {
        options.layout = wire.layout.parse().map_err(|error| Invalid(format!("render_options.layout: {error}")))?;
        options.direction =
            wire.direction.parse().map_err(|error| Invalid(format!("render_options.direction: {error}")))?;
        options.padding = match u32::try_from(wire.padding) {
            Ok(padding) => padding.min(PADDING_PX_MAX),
            Err(_) if wire.padding > 0 => PADDING_PX_MAX,
            Err(_) => {
                return invalid(format!("render_options.padding: is {}, 0 or more pixels are allowed", wire.padding));
            }
        };
        options.sketchy = wire.sketchy;
    }
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
            depends_on: Vec::new(),
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
