//! Write and run Boxwood workflows in Rust.
