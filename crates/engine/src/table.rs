//! Rows in memory that know what changed and can take a command's changes back.

use std::hash::Hash;

use foldhash::HashMap;

#[derive(Debug)]
struct Row<V> {
    value: V,
    changed: bool,
}

/// Rows of one kind, by key.
///
/// Changes since [`Table::begin`] can be undone with [`Table::rollback`]; changes since [`Table::saved`] are listed by
/// [`Table::changed`].
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: HashMap<K, Row<V>>,
    changed: Vec<K>,
    undo: Vec<(K, Option<Row<V>>)>,
    changed_before: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::default(), changed: Vec::new(), undo: Vec::new(), changed_before: 0 }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Table<K, V> {
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key).map(|row| &row.value)
    }

    pub(crate) fn contains(&self, key: K) -> bool {
        self.rows.contains_key(&key)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row, to be changed.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let row = self.rows.get_mut(&key)?;
        self.undo.push((key, Some(Row { value: row.value.clone(), changed: row.changed })));
        if !row.changed {
            row.changed = true;
            self.changed.push(key);
        }
        Some(&mut row.value)
    }

    /// Adds a row that the store does not have yet.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let before = self.rows.insert(key, Row { value, changed: true });
        if before.as_ref().is_none_or(|row| !row.changed) {
            self.changed.push(key);
        }
        self.undo.push((key, before));
    }

    /// Takes in a row as the store has it; a row already here is newer and stays.
    pub(crate) fn load(&mut self, key: K, value: V) {
        self.rows.entry(key).or_insert(Row { value, changed: false });
    }

    pub(crate) fn begin(&mut self) {
        self.undo.clear();
        self.changed_before = self.changed.len();
    }

    pub(crate) fn rollback(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        self.changed.truncate(self.changed_before);
    }

    /// The rows changed since the last save, each once.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (K, &V)> {
        let rows = self.changed.iter().filter_map(|key| self.rows.get(key).map(|row| (*key, row)));
        rows.filter(|(_, row)| row.changed).map(|(key, row)| (key, &row.value))
    }

    /// Notes that the changed rows are in the store, and forgets those of them that `settled` says nobody will ask for.
    pub(crate) fn saved(&mut self, settled: impl Fn(&V) -> bool) {
        self.undo.clear();
        for key in self.changed.drain(..) {
            if let Some(row) = self.rows.get_mut(&key) {
                row.changed = false;
                if settled(&row.value) {
                    self.rows.remove(&key);
                }
            }
        }
    }

    /// Forgets one row, which must be saved.
    pub(crate) fn forget(&mut self, key: K) {
        if self.rows.get(&key).is_some_and(|row| !row.changed) {
            self.rows.remove(&key);
        }
    }

    /// Forgets every row. Only right when all changes are saved.
    pub(crate) fn clear(&mut self) {
        debug_assert!(self.changed.is_empty(), "unsaved rows would be lost");
        self.rows.clear();
        self.undo.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollback_restores_values_and_change_marks() {
        let mut table: Table<u64, &str> = Table::default();
        table.load(1, "one");
        table.insert(2, "two");
        table.begin();
        *table.get_mut(1).expect("loaded") = "changed";
        *table.get_mut(1).expect("loaded") = "changed again";
        table.insert(3, "three");
        table.insert(2, "other");
        table.rollback();
        assert_eq!((table.get(1), table.get(2), table.get(3)), (Some(&"one"), Some(&"two"), None));
        assert_eq!(table.changed().collect::<Vec<_>>(), vec![(2, &"two")]);
    }

    #[test]
    fn a_row_changed_again_after_a_rollback_is_listed_once() {
        let mut table: Table<u64, u32> = Table::default();
        table.load(1, 0);
        table.begin();
        *table.get_mut(1).expect("loaded") = 1;
        table.rollback();
        table.begin();
        *table.get_mut(1).expect("loaded") = 2;
        assert_eq!(table.changed().collect::<Vec<_>>(), vec![(1, &2)]);
    }

    #[test]
    fn saved_forgets_settled_rows_and_keeps_the_others() {
        let mut table: Table<u64, u32> = Table::default();
        table.insert(1, 0);
        table.insert(2, 9);
        table.saved(|value| *value == 9);
        assert_eq!((table.get(1), table.get(2)), (Some(&0), None));
        assert_eq!(table.changed().count(), 0);
    }
}
