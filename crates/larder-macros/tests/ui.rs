//! Wrong attributes, each an error where it stands and with its remedy.
//!
//! They need neither `SeaORM` nor the cache: `ui/stub.rs` stands for both. That the derive fits `SeaORM`'s formats
//! is tested in `larder-sea-orm`.

#[test]
fn wrong_attributes_are_errors_at_their_place() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/right.rs");
    cases.compile_fail("tests/ui/wrong_*.rs");
}
