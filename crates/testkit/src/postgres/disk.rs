//! A small disk: a file system in memory, in a name space of mounts of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Keeps the name space until standard input ends, as it does however the test's process ends.
const HOLD: &str = r#"mount -t tmpfs -o "size=$2" boxwood "$1" && echo mounted && read -r _"#;

/// A file system of so many MiB on a folder, seen by who enters its name space.
pub(super) struct Disk {
    holder: Child,
    folder: PathBuf,
}

impl Disk {
    /// Mounts it; only root may.
    pub(super) fn mount(folder: &Path, mebibytes: u32) -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", HOLD, "hold"])
            .arg(folder)
            .arg(format!("{mebibytes}m"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let said = holder.stdout.take().map(|output| BufReader::new(output).read_line(&mut line));
        let disk = Self { holder, folder: folder.into() };
        match line.trim() {
            "mounted" => Ok(disk),
            _ => Err(format!("a small disk cannot be mounted: {said:?}")),
        }
    }

    /// What stands before a program that is to see it.
    pub(super) fn prefix(&self) -> Vec<String> {
        vec!["nsenter".into(), format!("--mount=/proc/{}/ns/mnt", self.holder.id())]
    }

    /// The folder, for those outside.
    pub(super) fn outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap_or(&self.folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
