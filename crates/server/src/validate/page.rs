//! Pages (J-52 to J-54, LM-16).

use boxwood_proto::buffa::MessageFieldView;
use boxwood_proto::tilebox::v1::{ID, Pagination, PaginationView};

use super::{Invalid, invalid, optional_id};

/// Entries of a page if the client does not say.
const LIMIT_DEFAULT: usize = 100;

/// Entries of a page at most.
const LIMIT_MAX: usize = 1000;

/// The part of a list asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// How many entries at most.
    pub(crate) limit: usize,
    /// The last entry of the page before.
    pub(crate) after: Option<T>,
}

impl<T> Page<T> {
    /// Reads which page is asked for; without a message, the first.
    pub(crate) fn read(
        page: &MessageFieldView<PaginationView<'_>>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Self, Invalid> {
        let Some(page) = page.as_option() else {
            return Ok(Self { limit: LIMIT_DEFAULT, after: None });
        };
        let limit = match page.limit {
            None => LIMIT_DEFAULT,
            Some(limit) if limit < 1 => {
                return invalid(format!("page.limit: is {limit}, 1 or more are allowed"));
            }
            Some(limit) => usize::try_from(limit).unwrap_or(LIMIT_MAX).min(LIMIT_MAX),
        };
        Ok(Self { limit, after: optional_id("page.starting_after", &page.starting_after, read)? })
    }
}

/// How to ask for the page after the one that ends with `last`.
pub(crate) fn next(limit: usize, last: [u8; 16]) -> Pagination {
    Pagination {
        limit: Some(i64::try_from(limit).unwrap_or(i64::MAX)),
        starting_after: ID { uuid: last.to_vec(), ..Default::default() }.into(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::JobId;

    #[test]
    fn j_52_j_54_lm_16_limits_are_1_to_1000_with_100_as_default() {
        let read = |limit| {
            let page = MessageFieldView::set(PaginationView { limit, ..Default::default() });
            Page::read(&page, JobId::from_bytes)
        };
        assert_eq!(Page::read(&MessageFieldView::default(), JobId::from_bytes), read(None));
        assert_eq!(read(None), Ok(Page { limit: 100, after: None }));
        assert_eq!(read(Some(1)), Ok(Page { limit: 1, after: None }));
        assert_eq!(read(Some(i64::MAX)), Ok(Page { limit: 1000, after: None }));
        for limit in [0, -1] {
            let refused = read(Some(limit)).expect_err("too small").0;
            assert!(refused.starts_with("page.limit: ") && refused.contains('1'), "{refused}");
        }
    }
}
