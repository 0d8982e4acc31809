//! Random networks of all components. `NETWORKS_FOR=1200 cargo test -p reflow-components --test networks -- --nocapture` goes on for
//! so many seconds, from the seed `NETWORKS_SEED` or another one each time; without it some networks that are always the same run.

#[path = "support/random_network.rs"]
mod random_network;

use std::time::{Duration, Instant, SystemTime};

/// Networks of the short test.
const FEW: u64 = 60;

/// Bytes that follow from a number (`SplitMix64`).
fn bytes(mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    (0..256).flat_map(|_| next().to_le_bytes()).collect()
}

#[test]
fn whatever_the_network_the_process_lives_and_other_nodes_go_on() {
    // Components that store something do so where relative paths lead to.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("networks");
    std::fs::create_dir_all(&folder).unwrap();
    std::env::set_current_dir(&folder).unwrap();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let limit = number("NETWORKS_FOR").map(Duration::from_secs);
    let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u64);
    let first = number("NETWORKS_SEED").unwrap_or_else(|| limit.map_or(1, |_| clock()));
    let started = Instant::now();
    let mut count = 0;
    while limit.map_or(count < FEW, |limit| started.elapsed() < limit) {
        let seed = first.wrapping_add(count.wrapping_mul(0x9e37_79b9));
        let outcome = std::panic::catch_unwind(|| random_network::run(&bytes(seed)));
        assert!(outcome.is_ok(), "network {count}, NETWORKS_SEED={seed}");
        count += 1;
        if limit.is_some() && count.is_multiple_of(500) {
            let seconds = started.elapsed().as_secs();
            // Who waits for twenty minutes wants to see that it goes on.
            eprintln_progress(count, seconds, seed);
        }
    }
    if limit.is_some() {
        eprintln_progress(count, started.elapsed().as_secs(), first);
    }
}

#[expect(clippy::print_stderr, reason = "progress of a run that a person started and watches")]
fn eprintln_progress(count: u64, seconds: u64, seed: u64) {
    eprintln!("{count} networks in {seconds} s (seed {seed})");
}
