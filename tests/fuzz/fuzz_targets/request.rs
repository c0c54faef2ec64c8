//! The request parser: no panic, and the same commands however the bytes are chopped.
#![no_main]

use kvd::resp;
use libfuzzer_sys::fuzz_target;

#[path = "../check.rs"]
mod check;

fuzz_target!(|input: &[u8]| {
    check::check(input);
});
