//! The files of the console, part of the binary.

use super::Asset;

macro_rules! assets {
    ($($name:literal,)*) => {
        &[$(Asset { name: $name, content: include_bytes!(concat!("assets/", $name)) }),*]
    };
}

/// The one HTML page.
pub(super) const SHELL: &[u8] = include_bytes!("assets/index.html");

/// Everything the page loads.
pub(super) const ASSETS: &[Asset] = assets![
    "all-logs.js",
    "api.js",
    "app.js",
    "appearance.js",
    "boxes.js",
    "clusters.js",
    "diagram.js",
    "dom.js",
    "editor.js",
    "execution.js",
    "failures.js",
    "find.js",
    "format.js",
    "forms.css",
    "grow.js",
    "icon.svg",
    "insight.js",
    "job-row.js",
    "job.css",
    "job.js",
    "jobs.js",
    "lists.css",
    "live.js",
    "logs.js",
    "names.js",
    "range.js",
    "reach.js",
    "record.js",
    "rove.js",
    "runners.js",
    "seldom.js",
    "start.js",
    "states.js",
    "style.css",
    "task.js",
    "theme.js",
    "trace.js",
    "traces.js",
    "tree.js",
    "views.css",
    "waits.js",
];
