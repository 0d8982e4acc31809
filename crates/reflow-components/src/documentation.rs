//! The documentation pages of the catalog.

use std::collections::BTreeMap;
use std::path::Path;

use reflow_component::documentation;

use crate::catalog::entries;

/// All pages by file name, `index.md` among them.
pub fn pages() -> BTreeMap<String, String> {
    let declarations: Vec<_> = entries().iter().map(|entry| entry.declaration()).collect();
    documentation::pages(&declarations)
}

/// The files of a folder that are not as [`pages`] has them, and how.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn stale(folder: &Path) -> std::io::Result<Vec<(String, &'static str)>> {
    documentation::stale(&pages(), folder)
}
