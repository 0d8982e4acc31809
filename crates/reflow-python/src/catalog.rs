//! Templates that are there without being registered.

use reflow_runtime::Network;

/// Lets a network find the bundled templates.
pub(crate) fn attach(_network: &mut Network) {}
