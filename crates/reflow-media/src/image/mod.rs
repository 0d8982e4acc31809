//! The families of images.

mod gaussian_blur;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![Entry::of::<gaussian_blur::GaussianBlur>()]
}
