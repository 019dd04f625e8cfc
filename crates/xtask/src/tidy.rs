//! What lints miss: unfinished marks, sleeping tests, files that have grown too long.

use std::path::{Path, PathBuf};

/// Lines of a source file beyond which it surely holds a second noun.
const LINES_MAX: usize = 800;

/// Looks through the sources below `root`.
///
/// # Errors
/// Every finding, as `file:line: what`.
pub(crate) fn check(root: &Path) -> Result<(), Vec<String>> {
    let mut findings = Vec::new();
    for folder in ["crates", "conformance"] {
        for file in sources(&root.join(folder)) {
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            match std::fs::read_to_string(&file) {
                Ok(text) => look(&name, &text, &mut findings),
                Err(error) => findings.push(format!("{name}: {error}")),
            }
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !["target", "node_modules", "__pycache__", "pb"].iter().any(|skipped| name == *skipped) {
                found.extend(sources(&path));
            }
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "py", "go", "proto"].iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn look(name: &str, text: &str, findings: &mut Vec<String>) {
    // Written apart, so that this file does not find itself.
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let test = name.contains("/tests/") || name.contains("conformance/");
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}", index + 1);
        if unfinished.iter().any(|mark| line.contains(mark)) {
            findings.push(format!("{}: left unfinished: {}", place(), line.trim()));
        }
        let sleeps =
            ["thread::sleep(", "time::sleep(", "time.sleep(", "time.Sleep("].iter().any(|call| line.contains(call));
        if test && sleeps && !line.contains("tidy: waits") {
            findings.push(format!("{}: a test that sleeps; wait for the event instead", place()));
        }
        if line.ends_with([' ', '\t']) {
            findings.push(format!("{}: blanks at the end of the line", place()));
        }
    }
    let lines = text.lines().count();
    if lines > LINES_MAX && name.ends_with(".rs") {
        findings.push(format!("{name}: {lines} lines, at most {LINES_MAX}; look for the second noun in it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_test_and_an_unfinished_line_are_found() {
        let mut findings = Vec::new();
        look(
            "crates/a/tests/b.rs",
            &format!("thread::{}(one);\n// {} later\n", "sleep", concat!("TO", "DO")),
            &mut findings,
        );
        assert_eq!(findings.len(), 2, "{findings:?}");
        findings.clear();
        look("crates/a/src/b.rs", "thread::sleep(one);\n", &mut findings);
        assert!(findings.is_empty(), "outside tests waiting may be right: {findings:?}");
    }
}
