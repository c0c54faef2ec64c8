//! The corpus of the fuzz targets, run as a plain test.

use std::fs;

use kvd::resp;

#[path = "../fuzz/check.rs"]
mod check;

#[test]
fn requests() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus/request");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let input = fs::read(&path).expect("a readable input");
        check::check(&input);
        count += 1;
    }
    assert!(count > 20, "only {count} inputs");
}
