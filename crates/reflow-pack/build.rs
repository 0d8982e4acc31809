//! Tells the crate which target triple it is built for.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=REFLOW_PACK_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
