//! One pack loaded by many threads and by several processes at once.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/small.rs"]
mod small;

use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use reflow_pack::{LoadOptions, list_packs, load_pack};
use small::{Small, library};

#[test]
fn many_threads_load_one_pack_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("crowd.rflpack");
    Small::new("crowd", std::fs::read(library(home.path(), "crowd", 0)).unwrap()).save(&path);
    let options = LoadOptions { cache_directory: Some(home.path().join("cache")), ..LoadOptions::default() };
    let together = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (together, path, options) = (Arc::clone(&together), path.clone(), options.clone());
            std::thread::spawn(move || {
                together.wait();
                load_pack(&path, &options).unwrap()
            })
        })
        .collect();
    let packs: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(packs.iter().all(|pack| Arc::ptr_eq(pack, &packs[0])));
    assert_eq!(list_packs().iter().filter(|pack| pack.name == "crowd").count(), 1);
}

#[test]
fn several_processes_unpack_one_pack_at_once() {
    let home = tempfile::tempdir().unwrap();
    // Large, so that they really meet.
    let mut code = std::fs::read(library(home.path(), "processes", 0)).unwrap();
    code.extend((0..20_000_000_u32).map(|number| (number >> 7) as u8));
    let path = home.path().join("processes.rflpack");
    Small::new("processes", code).save(&path);
    for _ in 0..3 {
        let cache = home.path().join("cache");
        let start = || {
            Command::new(env!("CARGO_BIN_EXE_reflow-pack"))
                .args(["list".as_ref(), path.as_os_str()])
                .env("REFLOW_PACK_CACHE", &cache)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let processes: Vec<_> = (0..4).map(|_| start()).collect();
        for process in processes {
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(String::from_utf8_lossy(&output.stdout).contains("processes_forward"));
        }
        let left = std::fs::read_dir(cache.join("v1")).unwrap().count();
        // The library, and the note that the bundle is right.
        assert_eq!(left, 2, "unfinished files were left behind");
        std::fs::remove_dir_all(cache).unwrap();
    }
}
