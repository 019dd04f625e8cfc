//! Derive macro of the Boxwood SDK: `#[derive(Task)]`. Its options are explained at the trait `boxwood::Task`.

mod options;
mod task;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a task that can be submitted. The options in `#[task(…)]` are explained at the trait `boxwood::Task`.
#[proc_macro_derive(Task, attributes(task))]
pub fn derive_task(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    task::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
