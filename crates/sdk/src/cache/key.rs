//! Keys and groups as paths (K-6, K-18).

use std::fmt;

/// Levels separated by single slashes; none at either end, and no level is empty, `.` or `..`. The empty path has none.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Levels(String);

/// Why a text names no levels; a clause about it, with the remedy.
pub(super) type Problem = &'static str;

impl Levels {
    /// The levels that `text` adds to these.
    ///
    /// What the Python SDK takes for one key is one key here too: it joins paths, which leaves needless slashes and `.`
    /// out. What would leave the job there (a slash at the start, `..`) is refused.
    pub(super) fn join(&self, text: &str) -> Result<Self, Problem> {
        if text.starts_with('/') {
            return Err("it starts with a slash; leave that out, every key is inside the job anyway");
        }
        let mut path = self.0.clone();
        for level in text.split('/') {
            match level {
                "" | "." => continue,
                ".." => return Err("it has the level `..`; go down from the cache of the job instead"),
                level if level.contains('\0') => return Err("it has a null character; use another one"),
                level => {
                    if !path.is_empty() {
                        path.push('/');
                    }
                    path.push_str(level);
                }
            }
        }
        Ok(Self(path))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of a text and what the Python SDK 0.66.0 makes of it below `job`, on local files and on object stores.
    #[test]
    fn k_18_needless_slashes_and_dots_are_left_out() {
        let job = Levels::default().join("job").unwrap();
        for (text, path) in [
            ("a", "job/a"),
            ("a/b", "job/a/b"),
            ("a//b", "job/a/b"),
            ("a/", "job/a"),
            ("./a", "job/a"),
            ("a/./b", "job/a/b"),
            ("", "job"),
            (".", "job"),
            // Whatever else there is stays as it is: nothing is escaped.
            ("a\\b", "job/a\\b"),
            ("a%2Fb c", "job/a%2Fb c"),
            ("...", "job/..."),
            ("e\u{301}/é/語", "job/e\u{301}/é/語"),
        ] {
            assert_eq!(job.join(text).map(|path| path.0), Ok(path.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn k_18_what_would_leave_the_job_is_refused() {
        for text in ["/", "/a", "//a", "..", "../a", "a/..", "a/../b", "a\0b"] {
            assert!(Levels::default().join(text).is_err(), "{text:?}");
        }
    }
}
