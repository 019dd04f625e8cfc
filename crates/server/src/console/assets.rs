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
    "api.js",
    "app.js",
    "clusters.js",
    "diagram.js",
    "dom.js",
    "editor.js",
    "execution.js",
    "format.js",
    "icon.svg",
    "job.css",
    "job.js",
    "jobs.js",
    "lists.css",
    "live.js",
    "logs.js",
    "names.js",
    "record.js",
    "states.js",
    "style.css",
    "task.js",
    "theme.js",
    "tree.js",
    "waits.js",
];
