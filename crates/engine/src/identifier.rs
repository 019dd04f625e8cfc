//! Task identifiers, versions, and which runner may execute what (T-50 to T-63).

use std::collections::HashMap;
use std::sync::Arc;

use crate::id::ClassKey;

/// What a task is called: a name and a version, as submitted (T-50, T-54).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// 1 to 256 bytes.
    pub name: Arc<str>,
    /// The version, written as it was submitted.
    pub version: Version,
}

/// A version `v<major>.<minor>`; compared as numbers, written as submitted (T-60).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    text: Arc<str>,
    major: u64,
    minor: u64,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of the form v<major>.<minor>, for example v1.0")]
pub struct VersionError(pub String);

impl Version {
    /// Reads `v<digits>.<digits>` (LM-9). Numbers beyond 64 bits count as the largest number.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.chars().take(40).collect());
        let (major, minor) = text.strip_prefix('v').and_then(|rest| rest.split_once('.')).ok_or_else(wrong)?;
        let number = |digits: &str| {
            let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
        };
        Ok(Self { text: text.into(), major: number(major).ok_or_else(wrong)?, minor: number(minor).ok_or_else(wrong)? })
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a runner that has `self` may execute a task submitted with `wanted` (T-55).
    #[must_use]
    pub fn runs(&self, wanted: &Self) -> bool {
        self.major == wanted.major && self.minor >= wanted.minor
    }
}

/// All tasks of one cluster and one identifier: what a runner can or cannot take, decided once for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its key.
    pub key: ClassKey,
    /// The slug of the cluster the tasks wait on.
    pub cluster: Arc<str>,
    /// The identifier the tasks were submitted with.
    pub identifier: Identifier,
}

/// The classes of one cluster, by the name of their identifier.
type ByName = HashMap<Arc<str>, Vec<Arc<Class>>>;

/// Every class the store knows, by key and by what runners ask for.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    by_key: Vec<Option<Arc<Class>>>,
    by_name: HashMap<Arc<str>, ByName>,
}

impl Classes {
    pub(crate) fn get(&self, key: ClassKey) -> Option<&Arc<Class>> {
        usize::try_from(key.0).ok().and_then(|index| self.by_key.get(index)).and_then(Option::as_ref)
    }

    pub(crate) fn find(&self, cluster: &str, identifier: &Identifier) -> Option<ClassKey> {
        let named = self.by_name.get(cluster)?.get(&identifier.name)?;
        named.iter().find(|class| class.identifier == *identifier).map(|class| class.key)
    }

    pub(crate) fn next_key(&self) -> ClassKey {
        ClassKey(self.by_key.len().max(1) as u64)
    }

    pub(crate) fn insert(&mut self, class: Arc<Class>) {
        let index = usize::try_from(class.key.0).expect("class keys are counted up from one");
        if self.by_key.len() <= index {
            self.by_key.resize(index + 1, None);
        }
        if self.by_key[index].is_some() {
            return;
        }
        self.by_key[index] = Some(class.clone());
        let names = self.by_name.entry(class.cluster.clone()).or_default();
        names.entry(class.identifier.name.clone()).or_default().push(class);
    }

    pub(crate) fn remove_last(&mut self) {
        let Some(class) = self.by_key.pop().flatten() else {
            return;
        };
        if let Some(named) =
            self.by_name.get_mut(&class.cluster).and_then(|names| names.get_mut(&class.identifier.name))
        {
            named.retain(|other| other.key != class.key);
        }
    }

    /// The classes a runner on `cluster` that has `identifiers` may take tasks of, in key order (T-55, R-14).
    pub(crate) fn compatible(&self, cluster: &str, identifiers: &[Identifier]) -> Vec<ClassKey> {
        let Some(names) = self.by_name.get(cluster) else {
            return Vec::new();
        };
        let mut classes = Vec::with_capacity(identifiers.len());
        for identifier in identifiers {
            let Some(named) = names.get(&identifier.name) else {
                continue;
            };
            for class in named {
                if identifier.version.runs(&class.identifier.version) {
                    classes.push(class.key);
                }
            }
        }
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// The identifier under which the runner knows a task of `wanted` (T-61): the exact version, else the highest minor (T-62).
pub(crate) fn advertised<'a>(wanted: &Identifier, identifiers: &'a [Identifier]) -> Option<&'a Identifier> {
    let fitting = identifiers.iter().filter(|has| has.name == wanted.name && has.version.runs(&wanted.version));
    fitting.max_by_key(|has| (has.version.text == wanted.version.text, has.version.minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    fn named(version_text: &str) -> Identifier {
        Identifier { name: "tile".into(), version: version(version_text) }
    }

    #[test]
    fn t_50_lm_9_only_v_digits_dot_digits_is_a_version() {
        for text in ["v0.0", "v1.3", "v10.20", "v007.1", "v99999999999999999999.0"] {
            assert_eq!(version(text).as_str(), text);
        }
        for text in ["", "v", "v1", "v1.", "v.1", "1.0", "v1.0.0", "v-1.0", "v1.0 ", "V1.0", "v１.0", "v+1.0"] {
            assert!(Version::parse(text).is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn t_55_to_t_60_same_major_and_minor_not_below_runs() {
        let wanted = version("v1.3");
        for (has, runs) in
            [("v1.3", true), ("v1.5", true), ("v1.10", true), ("v1.2", false), ("v2.5", false), ("v0.9", false)]
        {
            assert_eq!(version(has).runs(&wanted), runs, "{has}");
        }
        assert!(version("v1.10").runs(&version("v1.9")), "versions compare as numbers");
    }

    #[test]
    fn t_62_the_exact_version_is_preferred_else_the_highest_minor() {
        let has = [named("v1.4"), named("v1.3"), named("v1.9"), named("v2.0")];
        assert_eq!(advertised(&named("v1.3"), &has).map(|i| i.version.as_str()), Some("v1.3"));
        assert_eq!(advertised(&named("v1.2"), &has).map(|i| i.version.as_str()), Some("v1.9"));
        assert_eq!(advertised(&named("v3.0"), &has), None);
    }
}
