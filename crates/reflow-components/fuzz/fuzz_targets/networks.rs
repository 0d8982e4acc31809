//! Any bytes as a network of catalog components: the process lives, other nodes go on. `cargo +nightly fuzz run networks`.
#![no_main]

#[path = "../../tests/support/random_network.rs"]
mod random_network;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| random_network::run(bytes));
