//! Whatever the bytes are: an answer, never a panic, and never more memory than the limits allow.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use reflow_pack::{Archive, Bundle, Limits, Manifest};

const LIMITS: Limits = Limits { entries: 100, entry_size: 1 << 20, total_size: 4 << 20 };

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz");
    if let Ok(mut archive) = Archive::open(Cursor::new(bytes), path, &LIMITS) {
        let names: Vec<_> = archive.entries().iter().map(|entry| entry.name().to_string()).collect();
        for name in names {
            let _ = archive.read(&name);
        }
    }
    if let Ok(mut bundle) = Bundle::read(Cursor::new(bytes), path, &LIMITS) {
        let _ = bundle.verify();
    }
    let _ = Manifest::parse(bytes);
});
