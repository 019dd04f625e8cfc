//! Who asks for work.

use boxwood_engine::{Ask, Identifier, Version};

/// A runner: its cluster, and what it can execute.
#[derive(Clone, Debug)]
pub struct Runner {
    cluster: String,
    identifiers: Option<Vec<Identifier>>,
}

impl Runner {
    /// A runner on a cluster that can execute whatever any job of the world needs.
    #[must_use]
    pub fn on(cluster: &str) -> Self {
        Self { cluster: cluster.into(), identifiers: None }
    }

    /// The same runner, able to execute this (and what it was told before) only.
    #[must_use]
    pub fn knows(mut self, name: &str, version: &str) -> Self {
        let version = Version::parse(version).expect("a version");
        self.identifiers.get_or_insert_default().push(Identifier { name: name.into(), version });
        self
    }

    pub(super) fn ask(&self, known: &[Identifier]) -> Ask {
        Ask {
            cluster: self.cluster.as_str().into(),
            identifiers: self.identifiers.as_deref().unwrap_or(known).to_vec().into(),
        }
    }
}
