//! The family `flow`: routing, collecting, pausing and stepping through states.

mod passthrough;

use crate::catalog::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![Entry::of::<passthrough::Passthrough>()]
}
