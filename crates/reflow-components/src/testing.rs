//! Running a component of the catalog on steps of inputs: the kit's way, by id.
//!
//! ```
//! use reflow_components::testing::run_id;
//! use serde_json::json;
//!
//! let outputs = run_id("tpl_passthrough", json!({}), [json!({"input": 5})]).unwrap();
//! assert_eq!(outputs, [json!({"output": [5]})]);
//! ```

use std::sync::Arc;

pub use reflow_component::testing::*;
use reflow_runtime::Value;

use crate::Entry;
use crate::catalog::entry;

/// [`run_component`] for a component of the catalog.
///
/// # Errors
/// When there is no such component, its config is refused, or a tick fails.
pub fn run_id(
    id: &str,
    config: impl Into<Value>,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Result<Vec<serde_json::Value>, String> {
    let component = entry(id).ok_or_else(|| format!("no component `{id}`"))?;
    run_component(Arc::<Entry>::clone(component), config.into(), steps)
}
