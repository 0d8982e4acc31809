//! Any bytes as files of all kinds that the catalog reads. `cargo +nightly fuzz run files`.
#![no_main]

#[path = "../../tests/support/files.rs"]
mod files;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| files::run(bytes));
