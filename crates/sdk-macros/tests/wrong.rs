//! What must not compile, and that the message names the remedy at the offending word (T-50, T-91, T-92).

/// One run for all files: each further one would build the dependencies again. After a change of a message or of the
/// compiler, `TRYBUILD=overwrite cargo test -p boxwood-macros --test wrong` writes the files anew; read what it wrote.
#[test]
fn wrong_uses_do_not_compile_and_the_remedy_is_said_at_the_word() {
    trybuild::TestCases::new().compile_fail("tests/wrong/*.rs");
}
