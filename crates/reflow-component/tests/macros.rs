//! What the derives say of a declaration that is none. `TRYBUILD=overwrite` writes the expected texts anew.

#[test]
fn declarations_that_are_none_are_refused_with_a_reason() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
