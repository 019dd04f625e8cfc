//! The file: a line that says what it is, then blocks.
//!
//! A block is two numbers of four bytes, low ones first: how many bytes it has, and how many compressed; then these, as a
//! frame of Zstandard with its checksum. Its first byte says what follows:
//!
//! - the number of a table: rows of it ([`row`](super::row)), which go on in the next blocks;
//! - [`ANSWERS`]: questions, each with its length before it and the digest of its answer behind it;
//! - [`END`]: for each table that was written its number, how many rows it has and the SHA-256 digest of their bytes; then
//!   how many questions there are. A file without this block is not whole.
//!
//! The same rows and answers always make the same file.

use std::io::{ErrorKind, Read, Write};

use sha2::{Digest as _, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::row::{self, Value};
use super::table::{TABLES, Table};
use crate::encode::{put, take};
use crate::error::Error;

/// What is in the file and how it is written. Files of another one are refused.
pub(crate) const FORMAT: u32 = 1;

/// How every file begins, before the number of its format and a line feed.
const MAGIC: &str = "boxwood export, format ";

/// Bytes after which a block ends; it is exceeded by one row.
const BLOCK_BYTES: usize = 512 << 10;

/// Bytes of the largest block: one row, of the largest value that either database takes.
const BLOCK_BYTES_MAX: u32 = (1 << 30) + (1 << 20);

/// Little is gained by more effort, and one processor does hundreds of megabytes a second.
const COMPRESSION: i32 = 1;

const ANSWERS: u8 = 0xf0;
const END: u8 = 0xff;

/// The digest of the rows of a table, or of an answer.
pub(crate) type Digest = [u8; 32];

/// How many rows a table has, and the digest of their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) rows: u64,
    pub(crate) digest: Digest,
}

/// Adds up rows.
#[derive(Default)]
pub(crate) struct Summing {
    rows: u64,
    bytes: Sha256,
}

impl Summing {
    /// Adds a row by its bytes.
    pub(crate) fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        self.bytes.update(row);
    }

    pub(crate) fn sum(self) -> Sum {
        Sum { rows: self.rows, digest: self.bytes.finalize().into() }
    }
}

/// A question and the digest of its answer.
pub(crate) struct Answered {
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Digest,
}

/// Writes a file.
pub(crate) struct Writer<'a> {
    out: &'a mut dyn Write,
    compressor: Compressor<'static>,
    /// The block at work, with the byte that says what it is.
    block: Vec<u8>,
    summing: Summing,
    sums: Vec<(u8, Sum)>,
    questions: u64,
    bytes: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn start(out: &'a mut dyn Write) -> Result<Self, Error> {
        let mut compressor = Compressor::new(COMPRESSION).map_err(unwritable)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(unwritable)?;
        let line = format!("{MAGIC}{FORMAT}\n");
        out.write_all(line.as_bytes()).map_err(unwritable)?;
        let (block, summing, sums) = (Vec::new(), Summing::default(), Vec::new());
        Ok(Self { out, compressor, block, summing, sums, questions: 0, bytes: line.len() as u64 })
    }

    /// The rows of the table with this number follow.
    pub(crate) fn begin(&mut self, number: usize) {
        self.block.clear();
        self.block.push(u8::try_from(number).expect("there are fewer tables"));
    }

    pub(crate) fn row(&mut self, table: &Table, row: &[Value<'_>]) -> Result<(), Error> {
        let start = self.block.len();
        row::encode(table, row, &mut self.block);
        self.summing.add(&self.block[start..]);
        self.end_full_block()
    }

    /// There are no more rows of the table that was begun.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        let number = self.block[0];
        self.end_block()?;
        self.sums.push((number, std::mem::take(&mut self.summing).sum()));
        Ok(())
    }

    pub(crate) fn answered(&mut self, question: &[u8], answer: &Digest) -> Result<(), Error> {
        if self.questions == 0 {
            self.block = vec![ANSWERS];
        }
        self.questions += 1;
        put(&mut self.block, question.len() as u64);
        self.block.extend_from_slice(question);
        self.block.extend_from_slice(answer);
        self.end_full_block()
    }

    /// Completes the file; answers how many bytes it has.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        if self.questions > 0 {
            self.end_block()?;
        }
        self.block = vec![END];
        self.block.push(u8::try_from(self.sums.len()).expect("there are fewer tables"));
        for (number, sum) in &self.sums {
            self.block.push(*number);
            put(&mut self.block, sum.rows);
            self.block.extend_from_slice(&sum.digest);
        }
        put(&mut self.block, self.questions);
        self.end_block()?;
        self.out.flush().map_err(unwritable)?;
        Ok(self.bytes)
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn end_full_block(&mut self) -> Result<(), Error> {
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    /// Writes the block at work, if anything is in it, and begins another of the same kind.
    fn end_block(&mut self) -> Result<(), Error> {
        if self.block.len() < 2 {
            return Ok(());
        }
        let sized = |bytes: &[u8]| u32::try_from(bytes.len()).ok().filter(|length| *length <= BLOCK_BYTES_MAX);
        let packed = self.compressor.compress(&self.block).map_err(unwritable)?;
        let (Some(length), Some(packed_length)) = (sized(&self.block), sized(&packed)) else {
            return Err(Error::Corrupt("a row is larger than a gibibyte, which no export can hold".into()));
        };
        for part in [&length.to_le_bytes()[..], &packed_length.to_le_bytes(), &packed] {
            self.out.write_all(part).map_err(unwritable)?;
        }
        self.bytes += 8 + packed.len() as u64;
        self.block.truncate(1);
        // One row may have been very large.
        self.block.shrink_to(2 * BLOCK_BYTES);
        Ok(())
    }
}

fn unwritable(error: std::io::Error) -> Error {
    Error::Unavailable(format!("cannot write the export: {error}"))
}

/// What a block holds.
pub(crate) enum Block<'a> {
    /// Rows of the table with this number, to be read with [`row::decode`].
    Rows(usize, &'a [u8]),
    Answers(Vec<Answered>),
    /// The end: the sums of the tables by their numbers, and how many questions there are.
    End(Vec<(usize, Sum)>, u64),
}

/// Reads a file.
pub(crate) struct Reader<'a> {
    input: &'a mut dyn Read,
    decompressor: Decompressor<'static>,
    packed: Vec<u8>,
    block: Vec<u8>,
    bytes: u64,
}

impl<'a> Reader<'a> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it is no export, or one of another format.
    pub(crate) fn start(input: &'a mut dyn Read) -> Result<Self, Error> {
        let not_ours = || Error::Incompatible("this is not a file that `boxwood export` wrote".into());
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < MAGIC.len() + 10 && line.last() != Some(&b'\n') {
            read_exact(input, &mut byte, line.len() as u64).map_err(|error| match error {
                Error::Corrupt(_) => not_ours(),
                other => other,
            })?;
            line.push(byte[0]);
        }
        let format = std::str::from_utf8(&line).ok().and_then(|line| line.strip_prefix(MAGIC)?.strip_suffix('\n'));
        let format: u32 = format.and_then(|format| format.parse().ok()).ok_or_else(not_ours)?;
        if format != FORMAT {
            return Err(Error::Incompatible(format!(
                "the export has format {format}, this program reads format {FORMAT}; import it with the version of \
                 Boxwood that wrote it, whose servers newer ones can follow on the same database"
            )));
        }
        let decompressor = Decompressor::new().map_err(unreadable)?;
        Ok(Self { input, decompressor, packed: Vec::new(), block: Vec::new(), bytes: line.len() as u64 })
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next block. After [`Block::End`] there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file ends, or holds anything else; [`Error::Unavailable`] if it cannot be read.
    pub(crate) fn next(&mut self) -> Result<Block<'_>, Error> {
        let start = self.bytes;
        let mut head = [0; 8];
        read_exact(self.input, &mut head, start)?;
        let [length, packed] = [&head[..4], &head[4..]].map(|half| half.try_into().map_or(0, u32::from_le_bytes));
        if length == 0 || length > BLOCK_BYTES_MAX || packed > BLOCK_BYTES_MAX {
            return Err(damaged(start, "a block of impossible size"));
        }
        self.packed.clear();
        // Only as much memory as there are bytes, whatever the head says.
        let read = self.input.take(packed.into()).read_to_end(&mut self.packed).map_err(unreadable)?;
        if read as u64 != u64::from(packed) {
            return Err(damaged(start, "it ends in the middle of a block"));
        }
        self.block = self
            .decompressor
            .decompress(&self.packed, length as usize)
            .ok()
            .filter(|block| block.len() == length as usize)
            .ok_or_else(|| damaged(start, "a block does not match its checksum"))?;
        self.bytes += 8 + u64::from(packed);
        let (kind, rest) = self.block.split_first().expect("its length is not 0");
        match *kind {
            ANSWERS => answers(rest).map(Block::Answers),
            END => end(rest).map(|(sums, questions)| Block::End(sums, questions)),
            number if usize::from(number) < TABLES.len() => Some(Block::Rows(number.into(), rest)),
            _ => None,
        }
        .ok_or_else(|| damaged(start, "a block that makes no sense"))
    }

    /// Nothing follows the end.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let mut byte = [0];
        match self.input.read(&mut byte) {
            Ok(0) => Ok(()),
            Ok(_) => Err(damaged(self.bytes, "more follows its end")),
            Err(error) => Err(unreadable(error)),
        }
    }
}

fn answers(mut bytes: &[u8]) -> Option<Vec<Answered>> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let length = usize::try_from(take(&mut bytes)?).ok()?;
        let (question, rest) = bytes.split_at_checked(length)?;
        let (answer, rest) = rest.split_first_chunk()?;
        bytes = rest;
        answers.push(Answered { question: question.to_vec(), answer: *answer });
    }
    Some(answers)
}

fn end(mut bytes: &[u8]) -> Option<(Vec<(usize, Sum)>, u64)> {
    let (count, rest) = bytes.split_first()?;
    bytes = rest;
    let mut sums = Vec::new();
    for _ in 0..*count {
        let (number, rest) = bytes.split_first()?;
        bytes = rest;
        let number = usize::from(*number);
        TABLES.get(number)?;
        let rows = take(&mut bytes)?;
        let (digest, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        sums.push((number, Sum { rows, digest: *digest }));
    }
    let questions = take(&mut bytes)?;
    bytes.is_empty().then_some((sums, questions))
}

/// The file does not hold what it must hold.
pub(crate) fn damaged(at: u64, what: &str) -> Error {
    Error::Corrupt(format!("the export is damaged at byte {at}: {what}; take another copy of it"))
}

fn unreadable(error: std::io::Error) -> Error {
    Error::Unavailable(format!("cannot read the export: {error}"))
}

fn read_exact(input: &mut dyn Read, bytes: &mut [u8], at: u64) -> Result<(), Error> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => damaged(at, "it is not whole"),
        _ => unreadable(error),
    })
}
