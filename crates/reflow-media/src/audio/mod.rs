//! The family `media/audio`: filters on streams of samples, 32-bit floats, lowest byte first.

mod gain;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![Entry::of::<gain::AudioGain>()]
}
