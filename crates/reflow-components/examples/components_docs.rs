//! Writes `docs/components/` from the declarations of the catalog; with `--check` it only tells what is out of date.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "that is what it is for")]

use std::path::Path;
use std::process::ExitCode;

use reflow_components::documentation::{pages, stale};

fn main() -> std::io::Result<ExitCode> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/components");
    let stale = stale(&folder)?;
    if std::env::args().any(|argument| argument == "--check") {
        for (file, state) in &stale {
            eprintln!("docs/components/{file}: {state}");
        }
        return Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    std::fs::create_dir_all(&folder)?;
    let pages = pages();
    for (file, _) in &stale {
        match pages.get(file) {
            Some(page) => std::fs::write(folder.join(file), page)?,
            None => std::fs::remove_file(folder.join(file))?,
        }
    }
    println!("{} pages, {} written", pages.len(), stale.len());
    Ok(ExitCode::SUCCESS)
}
