//! What the tasks of a job do with its cache: stages of steps, in a file that both languages read.

use boxwood::{JobCache, Result};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Script {
    /// The steps of a stage run side by side, once the stage before it is complete.
    pub(crate) stages: Vec<Vec<Step>>,
}

/// One task. It reads first and writes last.
#[derive(Deserialize)]
pub(crate) struct Step {
    /// `Rust` or `Python`.
    pub(crate) language: String,
    /// Keys that must have these values.
    #[serde(default)]
    read: Vec<(String, Value)>,
    /// Keys that must have no value.
    #[serde(default)]
    missing: Vec<String>,
    /// Groups that must have these keys.
    #[serde(default)]
    keys: Vec<(String, Vec<String>)>,
    /// Groups that must have these keys with these values.
    #[serde(default)]
    items: Vec<(String, Vec<(String, Value)>)>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    write: Vec<(String, Value)>,
}

/// Bytes, in a way that JSON can carry: so many times a text of hexadecimal digits.
#[derive(Deserialize)]
struct Value(String, usize);

impl Value {
    fn bytes(&self) -> Result<Vec<u8>> {
        let digits: Vec<char> = self.0.chars().collect();
        let once = digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16));
        Ok(once.collect::<Result<Vec<u8>, _>>()?.repeat(self.1))
    }
}

impl Script {
    pub(crate) fn read(path: &str) -> Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

impl Step {
    pub(crate) async fn run(&self, cache: &JobCache) -> Result {
        for (key, value) in &self.read {
            if !cache.contains(key).await? || cache.get(key).await? != value.bytes()? {
                return Err(format!("{key:?} has not the value it should have").into());
            }
        }
        for key in &self.missing {
            if cache.contains(key).await? || cache.find(key).await?.is_some() {
                return Err(format!("{key:?} has a value and should have none").into());
            }
        }
        for (group, expected) in &self.keys {
            let keys = cache.group(group).keys().await?;
            if keys != *expected {
                return Err(format!("group {group:?} has the keys {keys:?}, expected {expected:?}").into());
            }
        }
        for (group, expected) in &self.items {
            let items = cache.group(group).items().await?;
            let expected = expected.iter().map(|(key, value)| Ok((key.clone(), value.bytes()?)));
            if items != expected.collect::<Result<Vec<_>>>()? {
                return Err(format!("group {group:?} has not the items it should have").into());
            }
        }
        for key in &self.remove {
            cache.remove(key).await?;
        }
        for (key, value) in &self.write {
            cache.set(key, value.bytes()?).await?;
        }
        Ok(())
    }
}
