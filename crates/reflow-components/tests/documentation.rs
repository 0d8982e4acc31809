//! The pages in `docs/components/` are those that the declarations give.

use std::path::Path;

#[test]
fn the_pages_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/components");
    let stale = reflow_components::documentation::stale(&folder);
    let stale = stale.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(
        stale.is_empty(),
        "run `cargo run -p reflow-components --example components_docs`, these pages are not current: {stale:?}"
    );
}
