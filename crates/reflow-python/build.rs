//! Tells the code which Python it is built for, and the linker what it may leave out.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        // One copy of functions that are the same. The linker there is LLD, which comes with the compiler.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--icf=all");
    }
}
