//! Reading long lists page by page (J-52, J-53).

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use boxwood_proto::buffa::MessageField;
use boxwood_proto::tilebox::v1::{ID, Pagination};

use crate::Error;

/// How many entries are asked for at once, unless told otherwise.
const PAGE_DEFAULT: u32 = 100;

/// One answer: the entries, and what the server says about the next page.
pub(crate) type Page<T> = (Vec<T>, Option<Pagination>);

type Fetch<T> = Box<dyn FnMut(Pagination) -> Pin<Box<dyn Future<Output = Result<Page<T>, Error>> + Send>> + Send>;

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
#[must_use = "nothing is read until `next`, `take` or `all` is called"]
pub struct Pages<T> {
    fetch: Fetch<T>,
    read: VecDeque<T>,
    page_size: u32,
    position: Position,
}

enum Position {
    Start,
    After(ID),
    End,
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

    /// The next entry, or `None` after the last one.
    ///
    /// # Errors
    /// Those of the call that reads a page. Calling again repeats it.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(Some(entry));
            }
            let starting_after = match &self.position {
                Position::Start => MessageField::default(),
                Position::After(id) => id.clone().into(),
                Position::End => return Ok(None),
            };
            let page = Pagination { limit: Some(self.page_size.into()), starting_after, ..Default::default() };
            let (entries, next) = (self.fetch)(page).await?;
            self.read = entries.into();
            let after = next.and_then(|next| next.starting_after.into_option());
            self.position = match after {
                Some(id) if !id.uuid.is_empty() => Position::After(id),
                _ => Position::End,
            };
        }
    }

    /// The next `count` entries, or fewer at the end of the list.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn take(&mut self, count: usize) -> Result<Vec<T>, Error> {
        let mut entries = Vec::new();
        while entries.len() < count {
            match self.next().await? {
                Some(entry) => entries.push(entry),
                None => break,
            }
        }
        Ok(entries)
    }

    /// All entries that are left.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        self.take(usize::MAX).await
    }
}

impl<T> std::fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
}
