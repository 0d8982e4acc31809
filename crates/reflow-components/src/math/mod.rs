//! The family `math`.

use crate::catalog::Entry;

pub(crate) fn components() -> Vec<Entry> {
    Vec::new()
}
