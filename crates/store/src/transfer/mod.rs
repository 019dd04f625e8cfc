//! Moving everything that a server holds: from one database to the other kind, and to a file and back as a backup.
//!
//! - [`export`] reads as of one moment, also while servers are at work, and writes one file that says nothing about the
//!   database it is from: two databases that hold the same make the same file.
//! - [`import`] takes such a file into an empty place, all of it or nothing. Before it keeps anything it reads every row back
//!   and compares it with the file, and asks what servers ask for their clients: the file says how the database it is from
//!   answered.
//! - [`check`] reads such a file and looks whether it is whole.
//!
//! All go through row by row and need no more memory for more rows. What a file is made of is in `table`, `row` and
//! `file`; which questions are asked in `ask` and `choose`. The databases' sides are `sqlite/transfer.rs` and
//! `postgres/transfer.rs`.

mod answer;
mod ask;
mod choose;
pub(crate) mod file;
pub(crate) mod row;
pub(crate) mod table;

use std::fmt;
use std::io::{Read, Write};
#[cfg(feature = "sqlite")]
use std::path::PathBuf;

use crate::error::Error;
use crate::read;
use crate::telemetry::place;
use ask::Question;
use file::{Answered, Block, Sum, Summing};
use row::Value;
use table::{INPUTS, RECORDS, TABLES, Table};

/// Rows between two calls of a [`Watch`].
const WATCH_EVERY: u64 = 10_000;

/// Questions in one file at most.
const QUESTIONS_MAX: usize = 100_000;

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A data folder.
    #[cfg(feature = "sqlite")]
    Folder(PathBuf),
    /// A database of PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(Box<crate::postgres::Address>),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Folder(path) => write!(out, "{}", path.display()),
            #[cfg(feature = "postgres")]
            Self::Postgres(address) => write!(out, "{address}"),
        }
    }
}

/// What was moved so far, or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Jobs.
    pub jobs: u64,
    /// Tasks.
    pub tasks: u64,
    /// Log records and spans.
    pub records: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows that were read back and compared; only importing does that.
    pub checked: u64,
    /// Questions asked; importing compares their answers.
    pub questions: u64,
}

/// Is told from time to time how far it is; answers whether to go on.
pub type Watch<'a> = dyn FnMut(&Moved) -> bool + 'a;

/// A database as it is at one moment.
pub(crate) trait Source {
    /// Whether it has logs and spans.
    fn has_telemetry(&self) -> bool;

    /// Gives all rows of a table in their order, until one is not taken.
    ///
    /// # Errors
    /// If the table cannot be read, or a row is not taken.
    fn rows(&self, table: &Table, each: &mut Each<'_>) -> Result<(), Error>;

    /// Questions about jobs and tasks.
    fn reader(&self) -> &dyn read::Reader;

    /// Questions about logs and spans.
    fn records(&self) -> Option<&dyn place::Source>;
}

/// Takes a row.
pub(crate) type Each<'a> = dyn FnMut(&[Value<'_>]) -> Result<(), Error> + 'a;

/// A place that was empty. Dropped before [`Target::keep`] it is empty again.
pub(crate) trait Target: Source {
    /// Stores rows of a table, given as in the file. All rows of one table come before those of the next.
    ///
    /// # Errors
    /// If they cannot be stored, or are none.
    fn put(&mut self, table: &'static Table, rows: &[u8]) -> Result<(), Error>;

    /// All rows are there; from now on they can be read.
    ///
    /// # Errors
    /// If they cannot be stored.
    fn complete(&mut self) -> Result<(), Error>;

    /// Makes it what servers find there, durably.
    ///
    /// # Errors
    /// If that failed.
    fn keep(self: Box<Self>) -> Result<(), Error>;
}

/// Counts, and tells the watcher.
struct Watched<'a, 'b> {
    moved: Moved,
    watch: &'a mut Watch<'b>,
    next: u64,
}

impl<'a, 'b> Watched<'a, 'b> {
    fn new(watch: &'a mut Watch<'b>) -> Self {
        Self { moved: Moved::default(), watch, next: 0 }
    }

    fn tell(&mut self) -> Result<(), Error> {
        self.next = self.moved.rows + self.moved.checked + WATCH_EVERY;
        if (self.watch)(&self.moved) { Ok(()) } else { Err(Error::Unavailable("it was stopped".into())) }
    }

    fn tell_sometimes(&mut self) -> Result<(), Error> {
        if self.moved.rows + self.moved.checked < self.next { Ok(()) } else { self.tell() }
    }

    fn row(&mut self, table: &Table) -> Result<(), Error> {
        self.moved.rows += 1;
        self.moved.jobs += u64::from(table.name == "job");
        self.moved.tasks += u64::from(table.is(&INPUTS));
        self.moved.records += u64::from(table.is(&RECORDS));
        self.tell_sometimes()
    }
}

/// Writes all that a database holds, `telemetry` too if there is some and it is wanted.
///
/// # Errors
/// [`Error::Unavailable`] if the database cannot be reached, the file cannot be written, or `watch` has stopped it;
/// [`Error::Incompatible`] if the place is no database of this version; [`Error::Corrupt`] if it cannot be read.
pub fn export(place: &Place, telemetry: bool, out: &mut dyn Write, watch: &mut Watch<'_>) -> Result<Moved, Error> {
    let source: Box<dyn Source> = match place {
        #[cfg(feature = "sqlite")]
        Place::Folder(path) => Box::new(crate::sqlite::transfer::Folder::open(path, telemetry)?),
        #[cfg(feature = "postgres")]
        Place::Postgres(address) => Box::new(crate::postgres::transfer::Snapshot::open(address, telemetry)?),
    };
    let mut watched = Watched::new(watch);
    let mut writer = file::Writer::start(out)?;
    for (number, table) in tables(source.has_telemetry()) {
        writer.begin(number);
        source.rows(table, &mut |row| {
            writer.row(table, row)?;
            watched.moved.bytes = writer.bytes();
            watched.row(table)
        })?;
        writer.end()?;
    }
    choose::questions(source.as_ref(), &mut |question, answer| {
        writer.answered(&question.encode(), &answer)?;
        watched.moved.questions += 1;
        watched.tell_sometimes()
    })?;
    watched.moved.bytes = writer.finish()?;
    watched.tell()?;
    Ok(watched.moved)
}

/// Takes a file that [`export`] wrote into an empty place, which is made if it does not exist. After an error nothing is
/// kept; only a database that is lost in the very commit may have it all, and the error says so.
///
/// # Errors
/// [`Error::Unavailable`] if the place cannot be reached, is in use or is not empty, if the file cannot be read, or `watch`
/// has stopped it; [`Error::Incompatible`] if the place is not Boxwood's or the file of another version;
/// [`Error::Corrupt`] if the file is damaged, or the place does not give back what was put into it.
pub fn import(place: &Place, input: &mut dyn Read, watch: &mut Watch<'_>) -> Result<Moved, Error> {
    let (moved, target) = fill(place, input, watch).map_err(|error| match error {
        Error::Unavailable(text) => Error::Unavailable(format!("{text}; nothing was imported")),
        Error::Conflict(text) => Error::Conflict(format!("{text}; nothing was imported")),
        Error::Incompatible(text) => Error::Incompatible(format!("{text}; nothing was imported")),
        Error::Corrupt(text) => Error::Corrupt(format!("{text}; nothing was imported")),
    })?;
    target.keep()?;
    Ok(moved)
}

/// Does all but keep it.
fn fill(place: &Place, input: &mut dyn Read, watch: &mut Watch<'_>) -> Result<(Moved, Box<dyn Target>), Error> {
    // What is no export leaves no trace.
    let reader = file::Reader::start(input)?;
    let mut target: Box<dyn Target> = match place {
        #[cfg(feature = "sqlite")]
        Place::Folder(path) => Box::new(crate::sqlite::transfer::NewFolder::open(path)?),
        #[cfg(feature = "postgres")]
        Place::Postgres(address) => Box::new(crate::postgres::transfer::Empty::open(address)?),
    };
    let mut watched = Watched::new(watch);
    let (sums, answers) = read_all(reader, &mut |table, rows| target.put(table, rows), &mut watched)?;
    target.complete()?;
    check_rows(target.as_ref(), &sums, &mut watched)?;
    check_answers(target.as_ref(), &answers, &mut watched)?;
    watched.tell()?;
    Ok((watched.moved, target))
}

/// Reads a file that [`export`] wrote, and keeps nothing of it: whether it is whole, and its rows are those that were
/// written. Answers what is in it.
///
/// # Errors
/// [`Error::Unavailable`] if the file cannot be read, or `watch` has stopped it; [`Error::Incompatible`] if it is of
/// another version; [`Error::Corrupt`] if it is damaged.
pub fn check(input: &mut dyn Read, watch: &mut Watch<'_>) -> Result<Moved, Error> {
    let reader = file::Reader::start(input)?;
    let mut watched = Watched::new(watch);
    let (_, answers) = read_all(reader, &mut |_, _| Ok(()), &mut watched)?;
    watched.moved.questions = answers.len() as u64;
    Ok(watched.moved)
}

/// The tables with their numbers.
fn tables(telemetry: bool) -> impl Iterator<Item = (usize, &'static Table)> {
    TABLES.into_iter().enumerate().filter(move |(_, table)| telemetry || !table.telemetry)
}

/// The sums of tables by their numbers.
type Sums = Vec<(usize, Sum)>;

/// Takes rows of a table, as they are in the file.
type Put<'a> = dyn FnMut(&'static Table, &[u8]) -> Result<(), Error> + 'a;

/// Hands the rows of a file on, block by block, and compares them with the sums at its end.
fn read_all(
    mut reader: file::Reader<'_>,
    put: &mut Put<'_>,
    watched: &mut Watched<'_, '_>,
) -> Result<(Sums, Vec<Answered>), Error> {
    let mut answers = Vec::new();
    let mut summing = TABLES.map(|_| Summing::default());
    loop {
        let at = reader.bytes();
        match reader.next()? {
            Block::Rows(number, rows) => {
                let table = TABLES[number];
                let (mut rest, mut row) = (rows, Vec::new());
                while !rest.is_empty() {
                    let before = rest;
                    row::decode(table, &mut rest, &mut row)
                        .ok_or_else(|| file::damaged(at, &format!("a row of {} that cannot be", table.name)))?;
                    summing[number].add(&before[..before.len() - rest.len()]);
                    watched.row(table)?;
                }
                put(table, rows)?;
            }
            Block::Answers(more) if answers.len() + more.len() <= QUESTIONS_MAX => answers.extend(more),
            Block::Answers(_) => return Err(file::damaged(at, "too many answers")),
            Block::End(sums, questions) => {
                watched.moved.bytes = reader.bytes();
                reader.finish()?;
                let mut said = TABLES.map(|_| Summing::default().sum());
                for (number, sum) in &sums {
                    said[*number] = sum.clone();
                }
                let same = said == summing.map(Summing::sum) && answers.len() as u64 == questions;
                if !same || !(names_tables(&sums, true) || names_tables(&sums, false)) {
                    return Err(file::damaged(at, "its rows or answers are not those of its end"));
                }
                return Ok((sums, answers));
            }
        }
        watched.moved.bytes = reader.bytes();
    }
}

/// Whether there is a sum for each table, in order.
fn names_tables(sums: &Sums, telemetry: bool) -> bool {
    tables(telemetry).map(|(number, _)| number).eq(sums.iter().map(|(number, _)| *number))
}

/// Reads every row back, in order.
fn check_rows(target: &dyn Target, sums: &Sums, watched: &mut Watched<'_, '_>) -> Result<(), Error> {
    for (number, expected) in sums {
        let table = TABLES[*number];
        let mut summing = Summing::default();
        let mut bytes = Vec::new();
        target.rows(table, &mut |row| {
            bytes.clear();
            row::encode(table, row, &mut bytes);
            summing.add(&bytes);
            watched.moved.checked += 1;
            watched.tell_sometimes()
        })?;
        let found = summing.sum();
        if found != *expected {
            return Err(Error::Corrupt(format!(
                "the table {} holds {} rows that are not the {} of the export",
                table.name, found.rows, expected.rows
            )));
        }
    }
    Ok(())
}

/// Asks every question again.
fn check_answers(target: &dyn Target, answers: &[Answered], watched: &mut Watched<'_, '_>) -> Result<(), Error> {
    for Answered { question, answer } in answers {
        let question = Question::decode(question)
            .ok_or_else(|| Error::Corrupt("the export holds a question that is none; take another copy".into()))?;
        if question.ask(target)?.digest() != *answer {
            return Err(Error::Corrupt(format!(
                "{question:?} is answered in another way than in the database the export is from"
            )));
        }
        watched.moved.questions += 1;
        watched.tell_sometimes()?;
    }
    Ok(())
}
