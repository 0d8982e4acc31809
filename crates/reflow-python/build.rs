//! Tells the code which Python it is built for, and the linker what it is to guard and may leave out.

use std::path::Path;
use std::process::Command;

use pyo3_build_config::PythonVersion;

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo:rustc-check-cfg=cfg(guarded)");
    // From 3.14 on, the interpreter itself keeps the threads that it finds at its end.
    let oldest = pyo3_build_config::get().target_abi().version();
    if variable("CARGO_CFG_TARGET_OS") == "linux" && oldest < (PythonVersion { major: 3, minor: 14 }) {
        println!("cargo:rustc-cfg=guarded");
        for name in guarded() {
            // Named, since LLD wraps only what it has heard of, and nothing may be left that calls it.
            println!("cargo:rustc-cdylib-link-arg=-Wl,--undefined={name},--wrap={name}");
        }
    }
    if variable("PROFILE") == "release" && variable("TARGET") == TARGET && links_with_lld() {
        // One copy of functions that are the same, and functions and data that are alike side by side: a wheel is compressed
        // within windows of 32 KiB, and loses a twelfth by it.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--icf=all,--bp-compression-sort=both,-O2");
    }
}

/// The functions of the interpreter that have a guard.
fn guarded() -> impl Iterator<Item = &'static str> {
    let source = include_str!("src/guarded.rs");
    let table = source.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next());
    let by_itself = source.split("\"__wrap_").skip(1).filter_map(|rest| rest.split('"').next());
    table.chain(by_itself).filter(|name| name.contains("Py"))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Whether the linker is the LLD that comes with the compiler, and links for this target unless it is told otherwise. Compilers of
/// distributions come without, and theirs may refuse the option.
fn links_with_lld() -> bool {
    let told = !variable("RUSTC_LINKER").is_empty() || variable("CARGO_ENCODED_RUSTFLAGS").contains("link");
    let sysroot = Command::new(variable("RUSTC")).args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map(|printed| String::from_utf8_lossy(&printed.stdout).trim().to_string());
    let ships = |root: String| Path::new(&root).join("lib/rustlib").join(TARGET).join("bin/gcc-ld/ld.lld").exists();
    !told && sysroot.is_ok_and(ships)
}
