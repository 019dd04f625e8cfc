//! Reading long lists page by page (J-52, J-53).

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use boxwood_proto::buffa::MessageField;
use boxwood_proto::tilebox::v1::{ID, Pagination};
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::Error;
use crate::id::{JobId, ParseIdError, TaskId};

/// How many entries are asked for at once, unless told otherwise.
const PAGE_DEFAULT: u32 = 100;

/// One answer: the entries, and what the server says about the next page.
pub(crate) type Page<T> = (Vec<T>, Option<Pagination>);

type Fetch<T> = Box<dyn FnMut(Pagination) -> Pin<Box<dyn Future<Output = Result<Page<T>, Error>> + Send>> + Send>;

/// Where in a list reading goes on: after the entry it names (J-52). Written as a UUID, so that it can be kept.
///
/// Job and task identifiers are cursors of the lists of jobs and tasks; those of logs and spans come from
/// [`Pages::cursor`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor(TaskId);

impl From<JobId> for Cursor {
    fn from(id: JobId) -> Self {
        Self(TaskId::from_bytes(*id.as_bytes()))
    }
}

impl From<TaskId> for Cursor {
    fn from(id: TaskId) -> Self {
        Self(id)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.parse().map(Self)
    }
}

/// A list that is read from the server page by page, as far as it is looked at.
///
/// ```no_run
/// # async fn example(client: boxwood::Client) -> boxwood::Result {
/// let mut jobs = client.jobs().query(boxwood::JobFilter::new().name("mosaic"));
/// while let Some(job) = jobs.next().await? {
///     println!("{}  {}", job.id, job.state);
/// }
/// # Ok(())
/// # }
/// ```
///
/// As a [`Stream`](futures::Stream), for those who like its adapters:
///
/// ```no_run
/// # async fn example(client: boxwood::Client) -> boxwood::Result {
/// use futures::TryStreamExt as _;
///
/// let jobs = client.jobs().query(boxwood::JobFilter::new()).into_stream();
/// let slow = jobs.try_filter(|job| std::future::ready(job.stats.elapsed_time.as_secs() > 3600));
/// println!("{} jobs took more than an hour", slow.try_collect::<Vec<_>>().await?.len());
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read until `next`, `page`, `take`, `all` or `into_stream` is called"]
pub struct Pages<T> {
    fetch: Fetch<T>,
    read: VecDeque<T>,
    page_size: u32,
    position: Position,
}

enum Position {
    Start,
    After(Cursor),
    End,
}

impl Position {
    /// What an answer says of the entries that follow (J-52).
    fn following(next: Option<Pagination>) -> Self {
        let id: Option<ID> = next.and_then(|next| next.starting_after.into_option());
        match id.and_then(|id| TaskId::from_wire_optional(&id)) {
            Some(id) => Self::After(Cursor(id)),
            None => Self::End,
        }
    }
}

impl<T> Pages<T> {
    pub(crate) fn new<F, A>(mut fetch: F) -> Self
    where
        F: FnMut(Pagination) -> A + Send + 'static,
        A: Future<Output = Result<Page<T>, Error>> + Send + 'static,
    {
        Self {
            fetch: Box::new(move |page| Box::pin(fetch(page))),
            read: VecDeque::new(),
            page_size: PAGE_DEFAULT,
            position: Position::Start,
        }
    }

    /// How many entries to ask for at once: 1 to 1000, 100 unless set (J-52).
    pub fn page_size(mut self, entries: u32) -> Self {
        self.page_size = entries.clamp(1, 1000);
        self
    }

    /// Begins after the entry that `cursor` names, instead of at the start of the list. It continues a list that was read
    /// earlier with the same filters and order, without gaps or repeats among the entries that existed then (J-53).
    ///
    /// ```no_run
    /// # async fn example(client: boxwood::Client) -> boxwood::Result {
    /// let mut jobs = client.jobs().query(boxwood::JobFilter::new());
    /// let first = jobs.take(20).await?;
    /// if let Some(cursor) = jobs.cursor() {
    ///     let then = client.jobs().query(boxwood::JobFilter::new()).starting_after(cursor).take(20).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn starting_after(mut self, cursor: impl Into<Cursor>) -> Self {
        self.position = Position::After(cursor.into());
        self.read.clear();
        self
    }

    /// Where the entries end that were read from the server so far; `None` before the first was read, and if none follow.
    ///
    /// Entries that were read and not looked at yet are before it. After [`take`](Self::take) and [`page`](Self::page) there
    /// are none of them, unless [`next`](Self::next) was used before.
    pub fn cursor(&self) -> Option<Cursor> {
        match &self.position {
            Position::After(cursor) => Some(*cursor),
            Position::Start | Position::End => None,
        }
    }

    /// Asks for at most `limit` entries, unless the end was reached.
    async fn read(&mut self, limit: u32) -> Result<(), Error> {
        let starting_after = match &self.position {
            Position::Start => MessageField::default(),
            Position::After(Cursor(id)) => id.to_wire().into(),
            Position::End => return Ok(()),
        };
        let page = Pagination { limit: Some(limit.into()), starting_after, ..Default::default() };
        let (entries, next) = (self.fetch)(page).await?;
        self.read.extend(entries);
        self.position = Position::following(next);
        Ok(())
    }

    /// Reads until there is an entry to look at, or none is left.
    async fn fill(&mut self, limit: u32) -> Result<(), Error> {
        while self.read.is_empty() && !matches!(self.position, Position::End) {
            self.read(limit).await?;
        }
        Ok(())
    }

    /// The next entry, or `None` after the last one.
    ///
    /// # Errors
    /// Those of the call that reads a page. Calling again repeats it.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        self.fill(self.page_size).await?;
        Ok(self.read.pop_front())
    }

    /// The next page: what was read and not looked at yet, else what the server answers. Empty only after the last entry.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn page(&mut self) -> Result<Vec<T>, Error> {
        self.fill(self.page_size).await?;
        Ok(self.read.drain(..).collect())
    }

    /// The next `count` entries, or fewer at the end of the list. No more than those are read.
    ///
    /// # Errors
    /// As [`next`](Self::next). The entries read before the error are given by the next call.
    pub async fn take(&mut self, count: usize) -> Result<Vec<T>, Error> {
        while self.read.len() < count && !matches!(self.position, Position::End) {
            let missing = u32::try_from(count - self.read.len()).unwrap_or(u32::MAX);
            self.read(missing.min(self.page_size)).await?;
        }
        Ok(self.read.drain(..count.min(self.read.len())).collect())
    }

    /// All entries that are left.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        self.take(usize::MAX).await
    }
}

impl<T: Send + 'static> Pages<T> {
    /// The entries that are left as a stream of the crate `futures` 0.3. It ends after an error.
    pub fn into_stream(self) -> BoxStream<'static, Result<T, Error>> {
        stream::try_unfold(self, |mut pages| async move {
            let entry = pages.next().await?;
            Ok(entry.map(|entry| (entry, pages)))
        })
        .boxed()
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("page_size", &self.page_size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: u8) -> ID {
        ID { uuid: vec![last; 16], ..Default::default() }
    }

    #[tokio::test]
    async fn j_52_pages_end_where_nothing_follows() {
        let mut asked = Vec::new();
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        let mut pages = Pages::new(move |page: Pagination| {
            let after = page.starting_after.as_option().map(|id| id.uuid[0]);
            send.send((page.limit, after)).unwrap();
            async move {
                let next = |last| Pagination { starting_after: id(last).into(), ..Default::default() };
                Ok(match after {
                    None => (vec![1, 2], Some(next(2))),
                    // A page may be empty although more follow.
                    Some(2) => (vec![], Some(next(3))),
                    Some(_) => (vec![4], Some(Pagination::default())),
                })
            }
        })
        .page_size(2);
        assert_eq!(pages.take(2).await.unwrap(), [1, 2]);
        assert_eq!(pages.all().await.unwrap(), [4]);
        while let Ok(page) = receive.try_recv() {
            asked.push(page);
        }
        assert_eq!(asked, [(Some(2), None), (Some(2), Some(2)), (Some(2), Some(3))]);
    }

    /// The numbers 1 to 9 in pages as asked for.
    fn numbers() -> Pages<u8> {
        Pages::new(|page: Pagination| async move {
            let first = page.starting_after.as_option().map_or(1, |id| id.uuid[0] + 1);
            let last = (first - 1 + u8::try_from(page.limit.unwrap()).unwrap()).min(9);
            let next = (last < 9).then(|| Pagination { starting_after: id(last).into(), ..Default::default() });
            Ok(((first..=last).collect(), next))
        })
    }

    #[tokio::test]
    async fn j_53_a_cursor_continues_after_what_was_taken() {
        let mut pages = numbers().page_size(4);
        assert_eq!(pages.cursor(), None);
        assert_eq!(pages.take(5).await.unwrap(), [1, 2, 3, 4, 5]);
        let text = pages.cursor().unwrap().to_string();
        let mut pages = numbers().page_size(3).starting_after(text.parse::<Cursor>().unwrap());
        assert_eq!(pages.page().await.unwrap(), [6, 7, 8]);
        assert_eq!(pages.page().await.unwrap(), [9]);
        assert_eq!((pages.cursor(), pages.page().await.unwrap()), (None, vec![]));
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_list_or_after_an_error() {
        let all: Vec<_> = numbers().page_size(2).into_stream().map(Result::unwrap).collect().await;
        assert_eq!(all, (1..=9).collect::<Vec<_>>());
        let broken = Pages::<u8>::new(|_| async { Err(Error::answer("list", "is broken")) });
        let all: Vec<_> = broken.into_stream().collect().await;
        assert!(matches!(all.as_slice(), [Err(_)]), "{all:?}");
    }
}
