//! What travels: the tables of both databases, column by column.
//!
//! Rows mean the same in both. What is not here is made anew by the target: the next keys, which follow from the rows, the
//! version of the catalog, and how many bytes telemetry takes.

/// Everything that is moved, in this order. A change of it is another [`FORMAT`](super::file::FORMAT).
pub(crate) const TABLES: [&Table; 18] = [
    &Table::new(
        "cluster",
        1,
        &[text("slug"), text("display_name"), text("description"), flag("deletable"), time("created_at")],
    ),
    &Table::new("class", 1, &[key("key"), text("cluster"), text("name"), text("version")]),
    &Table::new(
        "job",
        1,
        &[
            key("key"),
            id("id"),
            text("name"),
            text("name_key"),
            text("trace_parent"),
            time("submitted_at"),
            id("automation").optional(),
            id("fingerprint"),
            key("first_root"),
            key("roots"),
        ],
    ),
    &Table::new(
        "job_status",
        1,
        &[
            key("job"),
            tiny("state"),
            flag("canceled"),
            key("queued"),
            key("running"),
            key("computed"),
            key("failed"),
            key("skipped"),
            key("failed_optional"),
            time("first_started_at").optional(),
            time("last_stopped_at").optional(),
            key("compute_time"),
            flag("times_stale"),
            key("resume_at").optional(),
        ],
    ),
    &Table::new("job_class", 2, &[key("job"), key("class")]),
    &GROUPS,
    &Table::new("group_state", 1, &[key("key"), key("open"), small("blocked"), flag("skipped")]),
    &INPUTS,
    &Table::new(
        "task",
        1,
        &[
            key("key"),
            key("grp"),
            tiny("state"),
            small("retry_count"),
            small("failures"),
            small("crashes"),
            small("hand_backs"),
            small("hand_outs"),
            tiny("flags"),
            time("started_at").optional(),
            time("stopped_at").optional(),
            key("first_child").optional(),
            key("children"),
            small("open_groups"),
            key("answered_task").optional(),
            small("answered_hand_out"),
        ],
    ),
    &Table::new(
        "running",
        1,
        &[
            key("key"),
            key("grp"),
            small("retry_count"),
            small("failures"),
            small("crashes"),
            small("hand_backs"),
            small("hand_outs"),
            tiny("flags"),
            time("started_at"),
            time("lease_until"),
        ],
    ),
    &Table::new("failed", 2, &[key("job"), key("task")]),
    &Table::new("display", 1, &[key("task"), text("display")]),
    &Table::new("task_progress", 2, &[key("task"), text("label"), key("total"), key("done")]),
    &Table::new("job_progress", 2, &[key("job"), text("label"), key("total"), key("done"), key("tasks")]),
    &Table::new(
        "ready",
        5,
        &[
            key("job"),
            key("class"),
            small("depth"),
            key("first"),
            flag("returned"),
            key("next"),
            key("end").postgres("until"),
            key("grp"),
        ],
    ),
    &Table::new("queue", 2, &[key("class"), key("job")]),
    &Table::new("origin", 1, &[key("key"), time("used_at"), bytes("encoded")]).telemetry("telemetry_origin"),
    &RECORDS,
];

/// Groups of tasks, which say how many tasks there are.
pub(crate) const GROUPS: Table = Table::new(
    "task_group",
    1,
    &[
        key("key"),
        id("id"),
        key("job"),
        key("parent").optional(),
        small("depth"),
        key("boundary").optional(),
        key("count"),
        small("dependencies"),
        bytes("dependents"),
        bytes("slices"),
        time("submitted_at"),
    ],
);

/// One row for each task.
pub(crate) const INPUTS: Table = Table::new("task_input", 1, &[key("key"), bytes("input")]);

/// Logs and spans.
pub(crate) const RECORDS: Table = Table::new(
    "record",
    1,
    &[
        key("key"),
        tiny("kind"),
        key("time"),
        time("received_at"),
        id("job").optional(),
        id("task").optional(),
        id("trace").optional(),
        key("resource"),
        key("scope"),
        bytes("encoded"),
    ],
)
.telemetry("telemetry_record");

/// A table. Its rows are in the order of its first columns, which are its primary key.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name in SQLite, and in the file.
    pub(crate) name: &'static str,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a name in PostgreSQL"))]
    pub(crate) postgres: &'static str,
    /// Whether it is of logs and spans.
    pub(crate) telemetry: bool,
    /// How many of its first columns order it.
    pub(crate) order: usize,
    pub(crate) columns: &'static [Column],
}

/// Columns of the widest table.
pub(crate) const COLUMNS_MAX: usize = 16;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name in SQLite.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "a name in SQLite"))]
    pub(crate) name: &'static str,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a name in PostgreSQL"))]
    pub(crate) postgres: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key or a count: 0 or more.
    Key,
    /// A time: any number.
    Time,
    /// A number below 2^32.
    Small,
    /// A number below 2^8.
    Tiny,
    /// Yes or no.
    Flag,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// 16 bytes.
    Id,
}

impl Table {
    const fn new(name: &'static str, order: usize, columns: &'static [Column]) -> Self {
        Self { name, postgres: name, telemetry: false, order, columns }
    }

    const fn telemetry(self, postgres: &'static str) -> Self {
        Self { postgres, telemetry: true, ..self }
    }

    /// Whether it is `other`.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, postgres: name, kind, optional: false }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    const fn postgres(self, postgres: &'static str) -> Self {
        Self { postgres, ..self }
    }
}

const fn key(name: &'static str) -> Column {
    Column::new(name, Kind::Key)
}

const fn time(name: &'static str) -> Column {
    Column::new(name, Kind::Time)
}

const fn small(name: &'static str) -> Column {
    Column::new(name, Kind::Small)
}

const fn tiny(name: &'static str) -> Column {
    Column::new(name, Kind::Tiny)
}

const fn flag(name: &'static str) -> Column {
    Column::new(name, Kind::Flag)
}

const fn text(name: &'static str) -> Column {
    Column::new(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    Column::new(name, Kind::Bytes)
}

const fn id(name: &'static str) -> Column {
    Column::new(name, Kind::Id)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::super::file::FORMAT;
    use super::*;

    #[test]
    fn another_shape_of_the_tables_is_another_format() {
        let shape = Sha256::digest(format!("{TABLES:?}"));
        let known = (FORMAT, shape[..4] == [0x01, 0x24, 0xff, 0x14]);
        assert_eq!(known, (1, true), "it is {:x?}: a new number of the format goes with it", &shape[..4]);
    }
}
