//! Where a page of records begins.

use boxwood::Cursor;

/// Where earlier records ended, if there were any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start(pub(super) Option<Cursor>);

/// Reads a `next_cursor`. An empty one is that of the first page, so that scripts can begin with one.
pub(super) fn start(text: &str) -> Result<Start, String> {
    match text {
        "" => Ok(Start(None)),
        text => match text.parse::<Cursor>() {
            Ok(cursor) => Ok(Start(Some(cursor))),
            Err(_) => Err("not the next_cursor of an earlier page".to_owned()),
        },
    }
}
