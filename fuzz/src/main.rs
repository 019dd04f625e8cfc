//! Any target, chosen by `BOXWOOD_FUZZ_TARGET`, under libFuzzer.

#![no_main]

use std::sync::LazyLock;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("BOXWOOD_FUZZ_TARGET").unwrap_or_default();
    boxwood_fuzz::target(&name).unwrap_or_else(|| panic!("there is no target {name:?}")).run
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RUN(bytes));
