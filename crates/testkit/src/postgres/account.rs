//! Who PostgreSQL runs as: it refuses root, so root runs it as another account.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

/// Accounts to run as instead of root, the best first.
const INSTEAD: [&str; 2] = ["postgres", "nobody"];

/// The account that the programs run as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Account {
    /// That of this process.
    Own,
    /// Another, by the numbers of user and group; this process is root.
    Other(u32, u32),
}

impl Account {
    /// That of this process, which has made `folder`, unless it is root.
    pub(super) fn of(folder: &Path) -> Result<Self, String> {
        let owner = fs::metadata(folder).map_err(|error| format!("{}: {error}", folder.display()))?.uid();
        if owner != 0 {
            return Ok(Self::Own);
        }
        let accounts = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
        let find = |name: &str| {
            let mut lines = accounts.lines().map(|line| line.split(':'));
            let mut fields = lines.find(|fields| fields.clone().next() == Some(name))?;
            Some(Self::Other(fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let found = INSTEAD.iter().find_map(|name| find(name));
        found.ok_or_else(|| "it does not run as root, and there is no account postgres or nobody".into())
    }

    /// Gives a folder or file to the account.
    pub(super) fn own(self, path: &Path) -> Result<(), String> {
        match self {
            Self::Own => Ok(()),
            Self::Other(user, group) => {
                chown(path, Some(user), Some(group)).map_err(|error| format!("{}: {error}", path.display()))
            }
        }
    }

    /// What stands before a program that is to run as the account.
    pub(super) fn prefix(self) -> Vec<String> {
        match self {
            Self::Own => Vec::new(),
            Self::Other(user, group) => {
                let options = [format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()];
                [vec!["setpriv".into()], options.to_vec()].concat()
            }
        }
    }
}
