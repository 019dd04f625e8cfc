//! The code that the derive macro writes passes lints that users may turn on: compiling this file, with clippy too, is the test.

#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications, unused_results)]
#![deny(single_use_lifetimes, unused_lifetimes, trivial_casts, let_underscore_drop, unsafe_code, non_ascii_idents)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo_common_metadata)]
#![deny(clippy::shadow_unrelated, clippy::shadow_reuse, clippy::absolute_paths, clippy::missing_docs_in_private_items)]
#![deny(clippy::missing_trait_methods, clippy::unreachable, clippy::std_instead_of_core, clippy::pattern_type_mismatch)]

use boxwood::Task;
use buffa_types::google::protobuf::Timestamp;
use serde::{Deserialize, Serialize};

/// Without fields.
#[derive(Debug, Task)]
struct Nothing;

/// Without fields, as an object.
#[derive(Debug, Task)]
#[task(input = "object")]
struct Empty {}

/// With fields.
#[derive(Debug, Task, Serialize, Deserialize)]
#[task(name = "acme.Tile", version = "v1.0", display = "{type:>width$} {x}")]
struct Tile {
    /// A column.
    x: u32,
    /// A keyword.
    r#type: String,
    /// A width.
    width: usize,
}

/// A bare value.
#[derive(Debug, Task)]
#[task(input = "value", display = "{0}")]
struct Value(u32);

/// A message.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Request {}

/// A task with a message.
#[derive(Debug, Task)]
#[task(input = "prost")]
struct Download(Request);

/// A task with another message.
#[derive(Debug, Task)]
#[task(input = "buffa")]
struct At {
    /// A time.
    time: Timestamp,
}

#[test]
fn t_50_derived_code_passes_the_lints_of_users() {
    let tile = Tile { x: 1, r#type: "a".to_owned(), width: 3 };
    assert_eq!(tile.display(), "  a 1");
    assert_eq!((Nothing.display(), Empty {}.display()), ("Nothing".to_owned(), "Empty".to_owned()));
    assert_eq!((Value(3).display(), Download(Request {}).display()), ("3".to_owned(), "Download".to_owned()));
    assert_eq!(At { time: Timestamp::default() }.display(), "At");
}
