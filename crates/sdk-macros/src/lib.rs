//! Derive macro of the Boxwood SDK: `#[derive(Task)]`. Use it through the crate `boxwood`, which it writes code for;
//! its options are explained at the trait `boxwood::Task`.

mod display;
mod input;
mod options;
mod task;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a task that can be submitted. The options in `#[task(…)]` are explained at the trait `boxwood::Task`.
#[proc_macro_derive(Task, attributes(task))]
pub fn derive_task(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    task::derive(&input).into()
}
