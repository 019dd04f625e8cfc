//! The same test with many seeds.

use std::future::{Future as _, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::Result;

/// Runs a test with each of the seeds, one after another, until one fails.
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # #[derive(Task)]
/// # struct Mosaic;
/// # impl Execute for Mosaic {
/// #     async fn execute(self, _: &ExecutionContext) -> boxwood::Result { Ok(()) }
/// # }
/// use boxwood::testing::{Workflow, for_each_seed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let workflow = Workflow::new().task::<Mosaic>().runners(4);
/// for_each_seed(0..100, async |seed| {
///     let run = workflow.clone().seed(seed).run(Mosaic).await?;
///     run.assert_completed();
///     Ok(())
/// })
/// .await;
/// # }
/// ```
///
/// # Panics
/// If the test panics, or returns an error. The seed is named: in the panic if there was an error, else on standard
/// error before the panic goes on.
pub async fn for_each_seed(seeds: impl IntoIterator<Item = u64>, test: impl AsyncFn(u64) -> Result) {
    for seed in seeds {
        let mut running = pin!(test(seed));
        let ended = poll_fn(|context| {
            // Nothing of the test is looked at after it has panicked.
            match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("seed {seed}: {}", crate::error::with_causes(error.as_ref())),
            Err(panic) => {
                eprintln!("the test failed with seed {seed}; `.seed({seed})` repeats it");
                resume_unwind(panic);
            }
        }
    }
}
