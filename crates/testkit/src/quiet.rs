//! Catching panics of checks without printing them, so that a failing history can be lived through many times.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// A caught panic.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    /// Where in the source.
    pub(crate) place: String,
    pub(crate) message: String,
}

thread_local! {
    /// What has panicked on this thread; none where panics are not to be caught.
    static CAUGHT: RefCell<Option<Option<Panic>>> = const { RefCell::new(None) };
}

/// Runs something; a panic in it is an error and prints nothing.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    install();
    let outer = CAUGHT.replace(Some(None));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let caught = CAUGHT.replace(outer).flatten();
    result.map_err(|_| caught.expect("the hook saw the panic"))
}

/// Replaces the hook of the process by one that is silent on threads that catch.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let kept = CAUGHT.with_borrow_mut(|caught| match caught {
                Some(caught) => {
                    let place = info.location().map(ToString::to_string).unwrap_or_default();
                    let message = info.payload_as_str().unwrap_or("no message").to_owned();
                    *caught = Some(Panic { place, message });
                    true
                }
                None => false,
            });
            if !kept {
                others(info);
            }
        }));
    });
}
