//! Conditions of a query, with their values.

use std::ops::Bound;

use tokio_postgres::types::ToSql;

use crate::read::Bounds;

/// A value of a statement.
pub(super) type Value = Box<dyn ToSql + Sync>;

/// A number as a value.
pub(super) fn bigint(number: i64) -> Value {
    Box::new(number)
}

/// Conditions that all must hold, with their values in order.
#[derive(Default)]
pub(super) struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    /// A condition without a value.
    pub(super) fn fixed(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// A condition: the value is between `before` and `behind`.
    pub(super) fn add(&mut self, before: &str, value: Value, behind: &str) {
        self.values.push(value);
        self.conditions.push(format!("{before}${}{behind}", self.values.len()));
    }

    /// A column lies within bounds.
    pub(super) fn between<T>(&mut self, name: &str, bounds: Bounds<T>, value: impl Fn(T) -> Value) {
        match bounds.0 {
            Bound::Included(start) => self.add(&format!("{name} >= "), value(start), ""),
            Bound::Excluded(start) => self.add(&format!("{name} > "), value(start), ""),
            Bound::Unbounded => {}
        }
        match bounds.1 {
            Bound::Included(end) => self.add(&format!("{name} <= "), value(end), ""),
            Bound::Excluded(end) => self.add(&format!("{name} < "), value(end), ""),
            Bound::Unbounded => {}
        }
    }

    /// A column is any of the given values; no condition for none.
    pub(super) fn any_of<T: ToSql + Sync + 'static>(&mut self, name: &str, values: Vec<T>) {
        if !values.is_empty() {
            self.add(&format!("{name} = ANY("), Box::new(values), ")");
        }
    }

    /// The conditions as they follow the tables of a statement.
    pub(super) fn clause(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }

    /// The values of the statement.
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}
