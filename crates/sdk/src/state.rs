//! What the tasks of one runner share: values by their types.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::Error;

/// Names a type of runner state; for [`Execute::required_state`](crate::Execute::required_state).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateType {
    id: TypeId,
    name: &'static str,
}

impl StateType {
    /// The type `T`.
    pub fn of<T: Any + Send + Sync>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl fmt::Debug for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The state of a runner: at most one value of each type. Clones share the values.
#[derive(Clone, Default)]
pub(crate) struct State {
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl State {
    /// Adds a value; false if there is one of its type already.
    pub(crate) fn add<T: Any + Send + Sync>(&mut self, value: T) -> bool {
        self.values.insert(TypeId::of::<T>(), Arc::new(value)).is_none()
    }

    pub(crate) fn has(&self, wanted: StateType) -> bool {
        self.values.contains_key(&wanted.id)
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Result<&T, Error> {
        let value = self.values.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref());
        value.ok_or_else(|| missing(StateType::of::<T>(), "a task asks for it"))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("values", &self.values.len()).finish()
    }
}

/// The error that a runner lacks a value, and why it should have one.
pub(crate) fn missing(wanted: StateType, why: &str) -> Error {
    let StateType { name, .. } = wanted;
    let problem =
        format!("the runner has no value of type `{name}`, but {why}; add `.state(value)` with one to its builder");
    Error::setting("state", problem)
}

/// The error that a runner was given two values of one type.
pub(crate) fn twice(name: &str) -> Error {
    Error::setting("state", format!("there are two values of type `{name}`; wrap one of them in a type of its own"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_74_a_value_is_found_by_its_type() {
        let mut state = State::default();
        assert!(state.add(7_u32));
        assert!(state.add("seven"));
        assert!(!state.add(8_u32), "one of each type");
        assert_eq!((state.get::<u32>().unwrap(), state.get::<&str>().unwrap()), (&8, &"seven"));
        assert!(state.has(StateType::of::<u32>()) && !state.has(StateType::of::<u64>()));
    }

    #[test]
    fn r_74_a_missing_value_names_its_type_and_the_remedy() {
        let text = State::default().get::<Vec<u8>>().unwrap_err().to_string();
        assert!(text.contains("`alloc::vec::Vec<u8>`") && text.contains("`.state(value)`"), "{text}");
    }
}
