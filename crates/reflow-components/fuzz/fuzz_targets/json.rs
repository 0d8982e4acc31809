//! Any bytes as JSON: they are refused, or read and written and read again the same. `cargo +nightly fuzz run json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reflow_message::Value;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Value::from_json_bytes(bytes) {
        assert_eq!(Value::from_json(&value.to_json_string()), Ok(value));
    }
});
